// Secrets and versions as Akua shows them: times in Unix seconds, states in lower case.
import { create } from "@bufbuild/protobuf";
import {
  type Secret as SecretMessage,
  SecretSchema,
  SecretValidationSchema,
} from "../../../gen/coffer/rest/akua/v1/secret_service_pb.ts";
import {
  SecretVersionSchema,
  type SecretVersion as VersionMessage,
} from "../../../gen/coffer/rest/akua/v1/version_service_pb.ts";
import type { Validation } from "../../domain/credential/validation.ts";
import { etagOf, type Secret } from "../../domain/secret/secret.ts";
import type { SecretVersion, VersionState } from "../../domain/secret/version.ts";

export function toSecretMessage(secret: Secret, urlOf: (secretId: string) => string): SecretMessage {
  return create(SecretSchema, {
    id: secret.secretId,
    workspaceId: secret.workspaceId,
    name: secret.name,
    kind: secret.kind,
    state: secret.state.toLowerCase(),
    versionCount: secret.versionCount,
    enabledVersionCount: secret.enabledVersionCount,
    createdAt: unixSeconds(secret.createTime),
    updatedAt: unixSeconds(secret.updateTime),
    etag: etagOf(secret),
    labels: secret.labels,
    versionAliases: secret.versionAliases,
    ...(secret.validation ? { validation: toValidationMessage(secret.validation) } : {}),
    ...(secret.description === "" ? {} : { description: secret.description }),
    ...(secret.mimeType === "" ? {} : { mimeType: secret.mimeType }),
    ...(secret.deleteTime ? { deletedAt: unixSeconds(secret.deleteTime) } : {}),
    ...(secret.purgeTime ? { purgeAt: unixSeconds(secret.purgeTime) } : {}),
    ...(secret.expireTime ? { expireTime: unixSeconds(secret.expireTime) } : {}),
    htmlUrl: urlOf(secret.secretId),
  });
}

function toValidationMessage({ state, validateTime, error }: Validation) {
  return create(SecretValidationSchema, {
    state: state.toLowerCase(),
    validatedAt: validateTime ? unixSeconds(validateTime) : 0,
    ...(error === "" ? {} : { error }),
  });
}

export function toVersionMessage(version: SecretVersion): VersionMessage {
  return create(SecretVersionSchema, {
    id: version.versionId,
    secretId: version.secretId,
    versionNumber: version.versionNumber,
    state: version.state.toLowerCase(),
    createdAt: unixSeconds(version.createTime),
    etag: etagOf(version),
    ...(version.comment === "" ? {} : { comment: version.comment }),
    ...(version.destroyTime ? { destroyedAt: unixSeconds(version.destroyTime) } : {}),
  });
}

/** The schema accepts only the names of states. */
export function versionStateNamed(name: string): VersionState {
  return name.toUpperCase() as VersionState;
}

function unixSeconds(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}
