// Secrets and versions as Thalassa Cloud shows them.

import { create } from "@bufbuild/protobuf";
import {
  RegionSchema,
  SecretKeySchema,
  type Secret as SecretMessage,
  SecretSchema,
  SecretVersionSchema,
} from "../../../gen/coffer/rest/thalassa/v1/secret_service_pb.ts";
import { toTimestamp } from "../../call/timestamp.ts";
import { type KmsKeyState, slugOf } from "../../domain/key/kms-key.ts";
import type { Secret } from "../../domain/secret/secret.ts";
import type { SecretVersion, VersionState } from "../../domain/secret/version.ts";
import type { Deps } from "../../runtime/deps.ts";
import { keysOfSecrets, type SecretKeySummary } from "../../steps/keys/keys-of-secrets.ts";
import { toPolicyMessage } from "./access-policies.ts";

/** Returns a secret with its key and with the given versions. */
export async function showSecret(
  deps: Pick<Deps, "database">,
  secret: Secret,
  versions: readonly SecretVersion[] = [],
): Promise<SecretMessage> {
  return toSecretMessage(secret, await keysOfSecrets(deps, [secret]), versions);
}

/** Returns secrets of one workspace with their keys. */
export async function showSecrets(deps: Pick<Deps, "database">, secrets: readonly Secret[]): Promise<SecretMessage[]> {
  const keys = await keysOfSecrets(deps, secrets);
  return secrets.map((secret) => toSecretMessage(secret, keys, []));
}

function toSecretMessage(
  secret: Secret,
  keys: ReadonlyMap<string, SecretKeySummary>,
  versions: readonly SecretVersion[],
): SecretMessage {
  return create(SecretSchema, {
    path: secret.path,
    labels: secret.labels,
    annotations: secret.annotations,
    createdAt: toTimestamp(secret.createTime),
    updatedAt: toTimestamp(secret.updateTime),
    kmsKey: toSecretKey(secret.kmsKeyId, keys.get(secret.kmsKeyId)),
    currentVersion: secret.currentVersion,
    objectVersion: secret.revision,
    region: toRegionMessage(secret.region),
    versions: versions.map((version) => toVersionMessage(version, secret.currentVersion)),
    ...(secret.description === "" ? {} : { description: secret.description }),
    ...(secret.lastAccessedTime ? { lastAccessedAt: toTimestamp(secret.lastAccessedTime) } : {}),
    ...(secret.accessPolicy ? { accessPolicy: toPolicyMessage(secret.accessPolicy) } : {}),
  });
}

function toSecretKey(identity: string, key: SecretKeySummary | undefined) {
  if (!key) return create(SecretKeySchema, { identity });
  return create(SecretKeySchema, {
    ...{ identity, name: key.name, slug: slugOf(key.name), keyType: key.algorithm, status: keyStatuses[key.state] },
    createdAt: toTimestamp(key.createTime),
    updatedAt: toTimestamp(key.updateTime),
  });
}

/** The states of keys under the names of this API. */
export const keyStatuses: Record<KmsKeyState, string> = {
  ACTIVE: "active",
  DISABLED: "disabled",
  PENDING_DESTRUCTION: "pending_deletion",
  DESTROYED: "destroyed",
};

export function toRegionMessage(name: string) {
  return create(RegionSchema, { identity: name, name, slug: name });
}

const statuses: Record<VersionState, string> = { ENABLED: "active", DISABLED: "disabled", DESTROYED: "destroyed" };

function toVersionMessage(version: SecretVersion, currentVersion: number) {
  return create(SecretVersionSchema, {
    version: version.versionNumber,
    status: statuses[version.state],
    valueFormat: version.payloadForm === "data" ? "string" : "keyValue",
    createdAt: toTimestamp(version.createTime),
    ...(version.versionNumber === currentVersion ? { stage: "current" } : {}),
    ...(version.destroyTime ? { destroyedAt: toTimestamp(version.destroyTime) } : {}),
    ...(version.lastAccessedTime ? { lastAccessedAt: toTimestamp(version.lastAccessedTime) } : {}),
  });
}
