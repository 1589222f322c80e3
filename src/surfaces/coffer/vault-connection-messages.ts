// Vault connections, domain ⇄ coffer.v1.

import { create } from "@bufbuild/protobuf";
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import {
  type VaultConfig,
  VaultConfigSchema,
  type VaultConnection as VaultConnectionMessage,
  VaultConnectionSchema,
  type VaultCredentials,
  VaultType as VaultTypeMessage,
} from "../../../gen/coffer/v1/external_vault_service_pb.ts";
import { toTimestamp } from "../../call/timestamp.ts";
import { type FieldChanges, maskedChange } from "../../call/update-mask.ts";
import { invalidField } from "../../domain/error/errors.ts";
import { type VaultConnection, type VaultType, vaultTypes } from "../../domain/external-vault/vault-connection.ts";
import { etagOf } from "../../domain/secret/secret.ts";
import type { UpdateConnectionInput } from "../../operations/external-vaults/update.ts";

const typeMessages: Readonly<Record<VaultType, VaultTypeMessage>> = {
  ONEPASSWORD: VaultTypeMessage.ONEPASSWORD,
  DOPPLER: VaultTypeMessage.DOPPLER,
  INFISICAL: VaultTypeMessage.INFISICAL,
};

/** The schema refuses an unspecified one. */
export function toVaultType(message: VaultTypeMessage): VaultType {
  const found = vaultTypes.find((vaultType) => typeMessages[vaultType] === message);
  if (!found) throw new Error("the schema requires a type");
  return found;
}

/** Returns the fields under their names in the schema. */
export function toConfig(message: VaultConfig | undefined): Record<string, string> {
  const { project = "", config = "", projectId = "", environment = "", secretPath = "" } = message ?? {};
  return { project, config, project_id: projectId, environment, secret_path: secretPath };
}

/** The schema requires them. */
export function toCredentials(message: VaultCredentials | undefined): Record<string, string> {
  const { accessToken = "", clientId = "", clientSecret = "" } = message ?? {};
  return { access_token: accessToken, client_id: clientId, client_secret: clientSecret };
}

const changes: FieldChanges<VaultConnectionMessage, UpdateConnectionInput["change"]> = {
  name({ name }) {
    if (name === "") throw invalidField("vault_connection.name", "must not be empty");
    return { name };
  },
  description: ({ description }) => ({ description }),
};

/** Fails with FIELD_INVALID. */
export function toConnectionChange(
  connection: VaultConnectionMessage,
  mask: FieldMask | undefined,
): UpdateConnectionInput["change"] {
  return maskedChange(VaultConnectionSchema, connection, mask, changes);
}

export function toConnectionMessage(connection: VaultConnection): VaultConnectionMessage {
  const { project = "", config = "", environment = "" } = connection.config;
  const { project_id: projectId = "", secret_path: secretPath = "" } = connection.config;
  return create(VaultConnectionSchema, {
    id: connection.vaultConnectionId,
    workspaceId: connection.workspaceId,
    name: connection.name,
    description: connection.description,
    vaultType: typeMessages[connection.vaultType],
    baseUrl: connection.baseUrl,
    config: create(VaultConfigSchema, { project, config, projectId, environment, secretPath }),
    etag: etagOf(connection),
    createdBy: connection.createdBy,
    lastVerifiedTime: toTimestamp(connection.lastVerifiedTime),
    createTime: toTimestamp(connection.createTime),
    updateTime: toTimestamp(connection.updateTime),
  });
}
