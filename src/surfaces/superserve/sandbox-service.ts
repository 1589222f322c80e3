// Superserve's requests about sandboxes over coffer's operations.
import type { ServiceImpl } from "@connectrpc/connect";
import type { SandboxService } from "../../../gen/coffer/rest/superserve/v1/sandbox_service_pb.ts";
import { callerOf } from "../../call/caller.ts";
import { resourceOf } from "../../call/resource-of.ts";
import { proxyUrl } from "../../domain/egress/proxy-url.ts";
import { bindSecret } from "../../operations/egress/bind-secret.ts";
import { createSandbox, type OpenedSandbox } from "../../operations/egress/create-sandbox.ts";
import { deleteSandbox } from "../../operations/egress/delete-sandbox.ts";
import { getSandbox } from "../../operations/egress/get-sandbox.ts";
import { listNetworkEvents } from "../../operations/egress/list-network-events.ts";
import { listAllSandboxes } from "../../operations/egress/list-sandboxes.ts";
import { rotateSandboxToken } from "../../operations/egress/rotate-sandbox-token.ts";
import { unbindSecret } from "../../operations/egress/unbind-secret.ts";
import { updateSandbox } from "../../operations/egress/update-sandbox.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { ShownBinding } from "../../steps/egress/sandbox-view.ts";
import { asUnknownSecret } from "./errors.ts";
import { sandboxFields, toListItem, toNetworkEvent, toSandboxMessage } from "./messages.ts";
import {
  checkNoMachine,
  machineUnsupported,
  toNetworkLimits,
  toNetworkQuery,
  toNewBinding,
  toSandboxChange,
  toSandboxId,
} from "./sandbox-requests.ts";

/** `egressUrl` is the address of the proxy for sandboxes. */
export function superserveSandboxService(
  deps: Deps,
  egressUrl: string | undefined,
): ServiceImpl<typeof SandboxService> {
  function toOpenedSandbox({ sandbox, envVars, token }: OpenedSandbox) {
    const url = proxyUrl(egressUrl, token);
    return {
      ...sandboxFields(sandbox),
      secrets: sandbox.bindings.map(toBindingMessage),
      envVars,
      ...(token === "" ? {} : { accessToken: token }),
      ...(url === "" ? {} : { proxyUrl: url }),
    };
  }

  return {
    async createSandbox(request, context) {
      const { name, secrets, metadata, envVars } = request;
      checkNoMachine({
        timeout_seconds: request.timeoutSeconds,
        auto_delete_seconds: request.autoDeleteSeconds,
        from_template: request.fromTemplate,
        from_snapshot: request.fromSnapshot,
      });
      const network = toNetworkLimits(request.network);
      const input = { name, secrets, metadata, envVars, network, sourceAddress: "", region: "" };
      const outcome = await createSandbox(deps, callerOf(context), input).catch(rethrowUnknownSecret);
      return { sandbox: toOpenedSandbox(resourceOf(context, outcome)) };
    },

    async listAllSandboxes({ metadata }, context) {
      return { sandboxes: (await listAllSandboxes(deps, callerOf(context), metadata)).map(toListItem) };
    },

    async getSandbox({ id }, context) {
      const { sandbox, envVars } = await getSandbox(deps, callerOf(context), toSandboxId(id));
      return { sandbox: toSandboxMessage(sandbox, envVars) };
    },

    async updateSandbox(request, context) {
      resourceOf(context, await updateSandbox(deps, callerOf(context), toSandboxChange(request)));
      return {};
    },

    async activateSandbox({ id }, context) {
      const outcome = await rotateSandboxToken(deps, callerOf(context), toSandboxId(id));
      return { sandbox: toOpenedSandbox(resourceOf(context, outcome)) };
    },

    async listNetworkEvents(request, context) {
      const { items, nextCursor } = await listNetworkEvents(deps, callerOf(context), toNetworkQuery(request));
      const hasMore = nextCursor !== undefined;
      return { data: items.map(toNetworkEvent), hasMore, ...(hasMore ? { nextCursor } : {}) };
    },

    pauseSandbox() {
      throw machineUnsupported("pausing a sandbox");
    },

    resumeSandbox() {
      throw machineUnsupported("resuming a sandbox");
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

function toBindingMessage({ envKey, secretName, placeholder, isRevoked }: ShownBinding) {
  return { envKey, secretName, placeholder, ...(isRevoked ? { revoked: true } : {}) };
}

function rethrowUnknownSecret(error: unknown): never {
  throw asUnknownSecret(error);
}
