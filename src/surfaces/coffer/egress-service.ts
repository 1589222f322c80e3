// coffer.v1.EgressService over the operations on sandboxes, bindings and events.
import type { ServiceImpl } from "@connectrpc/connect";
import type { EgressService } from "../../../gen/coffer/v1/egress_service_pb.ts";
import { callerOf } from "../../call/caller.ts";
import { resourceOf } from "../../call/resource-of.ts";
import { providers } from "../../domain/egress/providers.ts";
import { proxyUrl } from "../../domain/egress/proxy-url.ts";
import { bindSecret } from "../../operations/egress/bind-secret.ts";
import { createSandbox, type OpenedSandbox } from "../../operations/egress/create-sandbox.ts";
import { deleteSandbox } from "../../operations/egress/delete-sandbox.ts";
import { getSandbox } from "../../operations/egress/get-sandbox.ts";
import { listEgressEvents } from "../../operations/egress/list-events.ts";
import { listSandboxes } from "../../operations/egress/list-sandboxes.ts";
import { rotateSandboxToken } from "../../operations/egress/rotate-sandbox-token.ts";
import { unbindSecret } from "../../operations/egress/unbind-secret.ts";
import { updateSandbox } from "../../operations/egress/update-sandbox.ts";
import type { Deps } from "../../runtime/deps.ts";
import {
  statusRanges,
  toBindingMessage,
  toEventMessage,
  toNetworkLimits,
  toProviderMessage,
  toSandboxChange,
  toSandboxMessage,
} from "./sandbox-messages.ts";
import { toSecretRef } from "./secret-requests.ts";

/** `egressUrl` is the address of the proxy for sandboxes. */
export function egressService(deps: Deps, egressUrl: string | undefined): ServiceImpl<typeof EgressService> {
  const toOpenedSandbox = ({ sandbox, envVars, token }: OpenedSandbox) => ({
    sandbox: toSandboxMessage(sandbox, envVars),
    token,
    proxyUrl: proxyUrl(egressUrl, token),
  });

  return {
    listProviders() {
      return { providers: providers.map(toProviderMessage) };
    },

    async createSandbox({ name, sourceAddress, secrets, region, metadata, envVars, network }, context) {
      const fields = { metadata, envVars, network: toNetworkLimits(network) };
      const input = { name, sourceAddress, secrets, region, ...fields };
      return toOpenedSandbox(resourceOf(context, await createSandbox(deps, callerOf(context), input)));
    },

    async getSandbox({ id }, context) {
      const { sandbox, envVars } = await getSandbox(deps, callerOf(context), id);
      return { sandbox: toSandboxMessage(sandbox, envVars) };
    },

    async listSandboxes({ metadata, pageSize, pageToken }, context) {
      const input = { metadata, pageSize, pageToken };
      const { items, nextPageToken } = await listSandboxes(deps, callerOf(context), input);
      return { sandboxes: items.map((sandbox) => toSandboxMessage(sandbox)), nextPageToken };
    },

    async updateSandbox({ sandbox, updateMask }, context) {
      if (!sandbox) throw new Error("the schema requires a sandbox");
      const input = { sandboxId: sandbox.id, ...toSandboxChange(sandbox, updateMask) };
      const outcome = await updateSandbox(deps, callerOf(context), input);
      return { sandbox: toSandboxMessage(resourceOf(context, outcome)) };
    },

    async rotateSandboxToken({ id }, context) {
      return toOpenedSandbox(resourceOf(context, await rotateSandboxToken(deps, callerOf(context), id)));
    },

    async deleteSandbox({ id }, context) {
      resourceOf(context, await deleteSandbox(deps, callerOf(context), id));
      return {};
    },

    async bindSecret(request, context) {
      const { sandboxId, envKey } = request;
      const outcome = await bindSecret(deps, callerOf(context), { sandboxId, envKey, secret: toSecretRef(request) });
      return { binding: toBindingMessage(resourceOf(context, outcome)) };
    },

    async unbindSecret({ sandboxId, envKey }, context) {
      resourceOf(context, await unbindSecret(deps, callerOf(context), { sandboxId, envKey }));
      return {};
    },

    async listEgressEvents({ secretId, sandboxId, statusClass, pageSize, pageToken }, context) {
      const statuses = statusRanges[statusClass];
      const input = { secretId, sandboxId, statuses, pageSize, pageToken };
      const { items, nextPageToken } = await listEgressEvents(deps, callerOf(context), input);
      return { egressEvents: items.map(toEventMessage), nextPageToken };
    },
  };
}
