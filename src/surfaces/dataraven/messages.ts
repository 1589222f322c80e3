// Credentials of cloud storage as DataRaven shows them.

import { create } from "@bufbuild/protobuf";
import {
  type SecretDetails as DetailsMessage,
  type ListedSecret as ListedMessage,
  ListedSecretSchema,
  SecretDetailsSchema,
  type Secret as SecretMessage,
  SecretSchema,
} from "../../../gen/coffer/rest/dataraven/v1/secret_service_pb.ts";
import { toTimestamp } from "../../call/timestamp.ts";
import type { SecretConnection } from "../../domain/external-vault/vault-connection.ts";
import { principalUuid, uuidOf } from "../../domain/ids.ts";
import type { Secret } from "../../domain/secret/secret.ts";

const kindPrefix = "storage/";

export function toKind(secretType: string): string {
  return kindPrefix + secretType;
}

export function isStorage({ kind }: Pick<Secret, "kind">): boolean {
  return kind.startsWith(kindPrefix);
}

export function toSecretMessage(secret: Secret): SecretMessage {
  return create(SecretSchema, commonFields(secret));
}

/** Returns a credential as lists show it; `connection` undefined: coffer stores the value. */
export function toListedMessage(secret: Secret, connection: SecretConnection | undefined): ListedMessage {
  return create(ListedSecretSchema, {
    ...commonFields(secret),
    ...(connection ? { vaultType: connection.vaultType.toLowerCase() } : {}),
  });
}

export function toDetailsMessage(
  secret: Secret,
  connection: SecretConnection | undefined,
  mappings: Record<string, string> | undefined,
): DetailsMessage {
  return create(SecretDetailsSchema, {
    ...commonFields(secret),
    updatedAt: toTimestamp(secret.updateTime),
    ...(connection
      ? {
          vaultConnectionId: uuidOf(connection.vaultConnectionId),
          vaultConnectionName: connection.name,
          vaultType: connection.vaultType.toLowerCase(),
        }
      : {}),
    ...(mappings ? { externalFieldMappings: mappings } : {}),
  });
}

function commonFields(secret: Secret) {
  const createdBy = principalUuid(secret.createdBy);
  return {
    id: uuidOf(secret.secretId),
    name: secret.name,
    secretType: secret.kind.slice(kindPrefix.length),
    authMethod: secret.authMethod,
    createdAt: toTimestamp(secret.createTime),
    ...(secret.description === "" ? {} : { description: secret.description }),
    ...(createdBy === undefined ? {} : { createdBy }),
  };
}
