// Secrets and versions, domain ⇄ coffer.v1.

import { create } from "@bufbuild/protobuf";
import {
  CredentialState,
  type CredentialValidation,
  CredentialValidationSchema,
  KeyValuesSchema,
  type Secret as SecretMessage,
  SecretState,
  SecretVersionSchema,
  SecretVersionState,
  type SecretVersion as VersionMessage,
} from "../../../gen/coffer/v1/secret_pb.ts";
import { type GetSecretValueResponse, GetSecretValueResponseSchema } from "../../../gen/coffer/v1/secret_service_pb.ts";
import { toTimestamp } from "../../call/timestamp.ts";
import type { Validation } from "../../domain/credential/validation.ts";
import { etagOf, type Secret } from "../../domain/secret/secret.ts";
import type { SecretVersion } from "../../domain/secret/version.ts";
import type { SecretValue } from "../../operations/secrets/get-value.ts";
import { toAccessPolicyMessage } from "./access-policy-messages.ts";
import { toEgressRuleMessage } from "./egress-messages.ts";

const stateMessages = { ACTIVE: SecretState.ACTIVE, SOFT_DELETED: SecretState.SOFT_DELETED } as const;

const credentialStateMessages = {
  UNSPECIFIED: CredentialState.UNSPECIFIED,
  VALID: CredentialState.VALID,
  INVALID: CredentialState.INVALID,
} as const;

const versionStateMessages = {
  ENABLED: SecretVersionState.ENABLED,
  DISABLED: SecretVersionState.DISABLED,
  DESTROYED: SecretVersionState.DESTROYED,
} as const;

const frozenMessages = new WeakMap<Secret, SecretMessage>();

/** Returns the same frozen message each time for a frozen secret. */
export function toSecretMessage(secret: Secret): SecretMessage {
  if (!Object.isFrozen(secret)) return newSecretMessage(secret);
  let message = frozenMessages.get(secret);
  if (!message) {
    message = Object.freeze(newSecretMessage(secret));
    frozenMessages.set(secret, message);
  }
  return message;
}

/** A message as it is written here is made much faster than by `create`. */
function newSecretMessage(secret: Secret): SecretMessage {
  const { accessPolicy, egress, validation } = secret;
  return {
    $typeName: "coffer.v1.Secret",
    id: secret.secretId,
    workspaceId: secret.workspaceId,
    region: secret.region,
    name: secret.name,
    path: secret.path,
    kind: secret.kind,
    description: secret.description,
    labels: secret.labels,
    annotations: secret.annotations,
    mimeType: secret.mimeType,
    state: stateMessages[secret.state],
    versionAliases: secret.versionAliases,
    versionCount: secret.versionCount,
    enabledVersionCount: secret.enabledVersionCount,
    currentVersion: secret.currentVersion,
    kmsKeyId: secret.kmsKeyId,
    revealable: secret.revealable,
    etag: etagOf(secret),
    createTime: toTimestamp(secret.createTime),
    updateTime: toTimestamp(secret.updateTime),
    deleteTime: toTimestamp(secret.deleteTime),
    purgeTime: toTimestamp(secret.purgeTime),
    expireTime: toTimestamp(secret.expireTime),
    lastAccessedTime: toTimestamp(secret.lastAccessedTime),
    credentialFields: secret.credentialFields,
    accessPolicy: accessPolicy && toAccessPolicyMessage(accessPolicy),
    egress: egress && toEgressRuleMessage(egress),
    lastUsedTime: toTimestamp(secret.lastUsedTime),
    authMethod: secret.authMethod,
    createdBy: secret.createdBy ?? "",
    validation: validation && toValidationMessage(validation),
  };
}

function toValidationMessage({ state, error, validateTime }: Validation): CredentialValidation {
  return create(CredentialValidationSchema, {
    state: credentialStateMessages[state],
    error,
    validateTime: toTimestamp(validateTime),
  });
}

export function toVersionMessage(version: SecretVersion): VersionMessage {
  return create(SecretVersionSchema, {
    id: version.versionId,
    secretId: version.secretId,
    versionNumber: version.versionNumber,
    state: versionStateMessages[version.state],
    comment: version.comment,
    etag: etagOf(version),
    kmsKeyId: version.kmsKeyId,
    kmsKeyVersion: version.kmsKeyVersion,
    vaultConnectionId: version.vaultConnectionId ?? "",
    createTime: toTimestamp(version.createTime),
    destroyTime: toTimestamp(version.destroyTime),
    scheduledDestroyTime: toTimestamp(version.scheduledDestroyTime),
    lastAccessedTime: toTimestamp(version.lastAccessedTime),
  });
}

export function toValueMessage({ value, ...facts }: SecretValue): GetSecretValueResponse {
  return create(GetSecretValueResponseSchema, {
    secretId: facts.secretId,
    versionNumber: facts.versionNumber,
    kmsKeyId: facts.kmsKeyId,
    kmsKeyVersion: facts.kmsKeyVersion,
    value:
      value.form === "data"
        ? { case: "data", value: value.data.reveal() }
        : {
            case: "keyValues",
            value: create(KeyValuesSchema, {
              values: Object.fromEntries([...value.values].map(([key, part]) => [key, part.reveal()])),
            }),
          },
  });
}
