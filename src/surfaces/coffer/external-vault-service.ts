// coffer.v1.ExternalVaultService over the operations on vault connections.
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { ExternalVaultService } from "../../../gen/coffer/v1/external_vault_service_pb.ts";
import { callerOf } from "../../call/caller.ts";
import { resourceOf } from "../../call/resource-of.ts";
import type { VaultConnection } from "../../domain/external-vault/vault-connection.ts";
import { createVaultConnection } from "../../operations/external-vaults/create.ts";
import { deleteVaultConnection } from "../../operations/external-vaults/delete.ts";
import { getVaultConnection } from "../../operations/external-vaults/get.ts";
import { listVaultConnections } from "../../operations/external-vaults/list.ts";
import { rotateVaultConnection } from "../../operations/external-vaults/rotate.ts";
import { updateVaultConnection } from "../../operations/external-vaults/update.ts";
import { verifyVaultConnection } from "../../operations/external-vaults/verify.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { MutationResult } from "../../steps/mutation.ts";
import { toEtag } from "./secret-requests.ts";
import {
  toConfig,
  toConnectionChange,
  toConnectionMessage,
  toCredentials,
  toVaultType,
} from "./vault-connection-messages.ts";

export function externalVaultService(deps: Deps): ServiceImpl<typeof ExternalVaultService> {
  return {
    async createVaultConnection(request, context) {
      const { name, description, baseUrl } = request;
      const input = {
        ...{ name, description, baseUrl, vaultType: toVaultType(request.vaultType) },
        config: toConfig(request.config),
        credentials: toCredentials(request.credentials),
      };
      return answer(context, await createVaultConnection(deps, callerOf(context), input));
    },

    async getVaultConnection({ id }, context) {
      return { vaultConnection: toConnectionMessage(await getVaultConnection(deps, callerOf(context), id)) };
    },

    async listVaultConnections({ pageSize, pageToken }, context) {
      const page = await listVaultConnections(deps, callerOf(context), { pageSize, pageToken });
      return { vaultConnections: page.items.map(toConnectionMessage), nextPageToken: page.nextPageToken };
    },

    async updateVaultConnection({ vaultConnection, updateMask }, context) {
      if (!vaultConnection) throw new Error("the schema requires a vault connection");
      const change = toConnectionChange(vaultConnection, updateMask);
      const input = { ...target(vaultConnection), change };
      return answer(context, await updateVaultConnection(deps, callerOf(context), input));
    },

    async rotateVaultConnection(request, context) {
      const input = { ...target(request), credentials: toCredentials(request.credentials) };
      return answer(context, await rotateVaultConnection(deps, callerOf(context), input));
    },

    async verifyVaultConnection({ id }, context) {
      return answer(context, await verifyVaultConnection(deps, callerOf(context), id));
    },

    async deleteVaultConnection(request, context) {
      resourceOf(context, await deleteVaultConnection(deps, callerOf(context), target(request)));
      return {};
    },
  };
}

function target({ id, etag }: { id: string; etag: string }) {
  return { vaultConnectionId: id, etag: toEtag(etag) };
}

function answer(context: HandlerContext, outcome: MutationResult<VaultConnection>) {
  return { vaultConnection: toConnectionMessage(resourceOf(context, outcome)) };
}
