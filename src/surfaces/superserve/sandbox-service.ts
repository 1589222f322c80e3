// Superserve's requests about sandboxes over coffer's operations.
import type { ServiceImpl } from "@connectrpc/connect";
import type { SandboxService } from "../../../gen/coffer/rest/superserve/v1/sandbox_service_pb.ts";
import type { Deps } from "../../deps.ts";
import { bindSecret } from "../../operations/egress/bind-secret.ts";
import { createSandbox } from "../../operations/egress/create-sandbox.ts";
import { deleteSandbox } from "../../operations/egress/delete-sandbox.ts";
import { getSandbox } from "../../operations/egress/get-sandbox.ts";
import type { ShownBinding } from "../../operations/egress/sandbox-view.ts";
import { unbindSecret } from "../../operations/egress/unbind-secret.ts";
import { resourceOf } from "../answer.ts";
import { callerOf } from "../caller.ts";
import { proxyUrl } from "../proxy-url.ts";
import { asUnknownSecret } from "./errors.ts";
import { sandboxFields, toSandboxMessage } from "./messages.ts";
import { toNewBinding, toSandboxId } from "./requests.ts";

/** `egressUrl` is where sandboxes find the proxy. */
export function superserveSandboxService(
  deps: Deps,
  egressUrl: string | undefined,
): ServiceImpl<typeof SandboxService> {
  return {
    async createSandbox({ name, secrets }, context) {
      const input = { name, secrets, sourceAddress: "", region: "" };
      const outcome = await createSandbox(deps, callerOf(context), input).catch(rethrowUnknownSecret);
      const { sandbox, token } = resourceOf(context, outcome);
      const url = proxyUrl(egressUrl, token);
      return {
        sandbox: {
          ...sandboxFields(sandbox),
          secrets: sandbox.bindings.map(toBindingMessage),
          ...(token === "" ? {} : { accessToken: token }),
          ...(url === "" ? {} : { proxyUrl: url }),
        },
      };
    },

    async getSandbox({ id }, context) {
      return { sandbox: toSandboxMessage(await getSandbox(deps, callerOf(context), toSandboxId(id))) };
    },

    async deleteSandbox({ id }, context) {
      resourceOf(context, await deleteSandbox(deps, callerOf(context), toSandboxId(id)));
      return {};
    },

    async bindSecret(request, context) {
      const input = toNewBinding(request);
      const outcome = await bindSecret(deps, callerOf(context), input).catch(rethrowUnknownSecret);
      return { binding: toBindingMessage(resourceOf(context, outcome)) };
    },

    async unbindSecret({ id, envKey }, context) {
      resourceOf(context, await unbindSecret(deps, callerOf(context), { sandboxId: toSandboxId(id), envKey }));
      return {};
    },
  };
}

function toBindingMessage({ envKey, secretName, placeholder }: ShownBinding) {
  return { envKey, secretName, placeholder };
}

function rethrowUnknownSecret(error: unknown): never {
  throw asUnknownSecret(error);
}
