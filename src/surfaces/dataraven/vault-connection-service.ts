// DataRaven's requests about connections to external vaults over coffer's operations.

import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type VaultConnection as ConnectionMessage,
  type UpdateVaultConnectionRequest,
  UpdateVaultConnectionRequestSchema,
  VaultConnectionSchema,
  type VaultConnectionService,
} from "../../../gen/coffer/rest/dataraven/v1/vault_connection_service_pb.ts";
import { callerOf } from "../../call/caller.ts";
import { resourceOf } from "../../call/resource-of.ts";
import { toTimestamp } from "../../call/timestamp.ts";
import { type FieldChanges, maskedChange } from "../../call/update-mask.ts";
import type { VaultConnection, VaultType } from "../../domain/external-vault/vault-connection.ts";
import { idOfUuid, uuidOf } from "../../domain/ids.ts";
import { createVaultConnection } from "../../operations/external-vaults/create.ts";
import { deleteVaultConnection } from "../../operations/external-vaults/delete.ts";
import { getVaultConnection } from "../../operations/external-vaults/get.ts";
import { listVaultConnections } from "../../operations/external-vaults/list.ts";
import { rotateVaultConnection } from "../../operations/external-vaults/rotate.ts";
import { type UpdateConnectionInput, updateVaultConnection } from "../../operations/external-vaults/update.ts";
import { verifyVaultConnection } from "../../operations/external-vaults/verify.ts";
import type { Deps } from "../../runtime/deps.ts";

const listMax = 1_000;

/** Callers that are not admins have only the permissions to read. */
export function dataRavenVaultConnectionService(deps: Deps): ServiceImpl<typeof VaultConnectionService> {
  return {
    async createVaultConnection(request, context) {
      const { name, description = "", vaultType, baseUrl = "" } = request;
      const { project = "", config = "", projectId = "", environment = "", secretPath = "" } = request;
      const outcome = await createVaultConnection(deps, callerOf(context), {
        ...{ name, description, baseUrl, vaultType: vaultType.toUpperCase() as VaultType },
        config: { project, config, project_id: projectId, environment, secret_path: secretPath },
        credentials: credentialsIn(request),
      });
      return { vaultConnection: toConnectionMessage(resourceOf(context, outcome)) };
    },

    async listVaultConnections(_request, context) {
      const { items } = await listVaultConnections(deps, callerOf(context), { pageSize: listMax, pageToken: "" });
      return { vaultConnections: items.map(toConnectionMessage) };
    },

    async getVaultConnection({ connectionId }, context) {
      const connection = await getVaultConnection(deps, callerOf(context), toConnectionId(connectionId));
      return { vaultConnection: toConnectionMessage(connection) };
    },

    async updateVaultConnection(request, context) {
      const change = maskedChange(UpdateVaultConnectionRequestSchema, request, request.updateMask, changes);
      const input = { vaultConnectionId: toConnectionId(request.connectionId), etag: undefined, change };
      const outcome = await updateVaultConnection(deps, callerOf(context), input);
      return { vaultConnection: toConnectionMessage(resourceOf(context, outcome)) };
    },

    async deleteVaultConnection({ connectionId }, context) {
      const target = { vaultConnectionId: toConnectionId(connectionId), etag: undefined };
      resourceOf(context, await deleteVaultConnection(deps, callerOf(context), target));
      return {};
    },

    async verifyVaultConnection({ connectionId }, context) {
      const outcome = await verifyVaultConnection(deps, callerOf(context), toConnectionId(connectionId));
      return { vaultConnection: toConnectionMessage(resourceOf(context, outcome)) };
    },

    async rotateVaultConnection(request, context) {
      const target = { vaultConnectionId: toConnectionId(request.connectionId), etag: undefined };
      const input = { ...target, credentials: credentialsIn(request) };
      const outcome = await rotateVaultConnection(deps, callerOf(context), input);
      return { vaultConnection: toConnectionMessage(resourceOf(context, outcome)) };
    },
  };
}

const changes: FieldChanges<UpdateVaultConnectionRequest, UpdateConnectionInput["change"]> = {
  name: ({ name = "" }) => ({ name }),
  description: ({ description = "" }) => ({ description }),
};

/** Returns a text that is not a UUID unchanged, so that it fails like every unknown id. */
export function toConnectionId(uuid: string): string {
  return idOfUuid("vc", uuid) ?? uuid;
}

interface GivenCredentials {
  accessToken?: string | undefined;
  clientId?: string | undefined;
  clientSecret?: string | undefined;
}

function credentialsIn({ accessToken = "", clientId = "", clientSecret = "" }: GivenCredentials) {
  return { access_token: accessToken, client_id: clientId, client_secret: clientSecret };
}

function toConnectionMessage(connection: VaultConnection): ConnectionMessage {
  const { description, lastVerifiedTime } = connection;
  return create(VaultConnectionSchema, {
    id: uuidOf(connection.vaultConnectionId),
    name: connection.name,
    vaultType: connection.vaultType.toLowerCase(),
    createdAt: toTimestamp(connection.createTime),
    createdBy: uuidOf(connection.createdBy),
    ...(description === "" ? {} : { description }),
    lastVerifiedAt: toTimestamp(lastVerifiedTime),
  });
}
