// Secrets and versions, domain ⇄ coffer.v1.
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  CredentialState,
  CredentialValidationSchema,
  KeyValuesSchema,
  type Secret as SecretMessage,
  SecretSchema,
  SecretState,
  SecretVersionSchema,
  SecretVersionState,
  type SecretVersion as VersionMessage,
} from "../../../gen/coffer/v1/secret_pb.ts";
import { type GetSecretValueResponse, GetSecretValueResponseSchema } from "../../../gen/coffer/v1/secret_service_pb.ts";
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

/** Returns a timestamp field, or no field if there is no time. */
export function timeField<Name extends string>(name: Name, time: Date | undefined) {
  return (time ? { [name]: timestampFromDate(time) } : {}) as {
    [Key in Name]?: ReturnType<typeof timestampFromDate>;
  };
}

export function toSecretMessage(secret: Secret): SecretMessage {
  return create(SecretSchema, {
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
    ...timeField("createTime", secret.createTime),
    ...timeField("updateTime", secret.updateTime),
    ...timeField("deleteTime", secret.deleteTime),
    ...timeField("purgeTime", secret.purgeTime),
    ...timeField("expireTime", secret.expireTime),
    ...timeField("lastAccessedTime", secret.lastAccessedTime),
    credentialFields: secret.credentialFields,
    ...(secret.accessPolicy ? { accessPolicy: toAccessPolicyMessage(secret.accessPolicy) } : {}),
    ...(secret.egress ? { egress: toEgressRuleMessage(secret.egress) } : {}),
    ...timeField("lastUsedTime", secret.lastUsedTime),
    authMethod: secret.authMethod,
    createdBy: secret.createdBy ?? "",
    ...(secret.validation
      ? {
          validation: create(CredentialValidationSchema, {
            state: credentialStateMessages[secret.validation.state],
            error: secret.validation.error,
            ...timeField("validateTime", secret.validation.validateTime),
          }),
        }
      : {}),
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
    ...timeField("createTime", version.createTime),
    ...timeField("destroyTime", version.destroyTime),
    ...timeField("scheduledDestroyTime", version.scheduledDestroyTime),
    ...timeField("lastAccessedTime", version.lastAccessedTime),
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
