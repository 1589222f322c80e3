// Secrets and versions as Thalassa Cloud shows them.
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  RegionSchema,
  SecretKeySchema,
  type Secret as SecretMessage,
  SecretSchema,
  SecretVersionSchema,
} from "../../../gen/coffer/rest/thalassa/v1/secret_service_pb.ts";
import type { Secret } from "../../domain/secret.ts";
import type { SecretVersion, VersionState } from "../../domain/version.ts";
import { toPolicyMessage } from "./access-policies.ts";

export function toSecretMessage(secret: Secret, versions: readonly SecretVersion[] = []): SecretMessage {
  return create(SecretSchema, {
    path: secret.path,
    labels: secret.labels,
    annotations: secret.annotations,
    createdAt: timestampFromDate(secret.createTime),
    updatedAt: timestampFromDate(secret.updateTime),
    kmsKey: create(SecretKeySchema, { identity: secret.kmsKeyId }),
    currentVersion: secret.currentVersion,
    objectVersion: secret.revision,
    region: toRegionMessage(secret.region),
    versions: versions.map((version) => toVersionMessage(version, secret.currentVersion)),
    ...(secret.description === "" ? {} : { description: secret.description }),
    ...(secret.lastAccessedTime ? { lastAccessedAt: timestampFromDate(secret.lastAccessedTime) } : {}),
    ...(secret.accessPolicy ? { accessPolicy: toPolicyMessage(secret.accessPolicy) } : {}),
  });
}

export function toRegionMessage(name: string) {
  return create(RegionSchema, { identity: name, name, slug: name });
}

const statuses: Record<VersionState, string> = { ENABLED: "active", DISABLED: "disabled", DESTROYED: "destroyed" };

function toVersionMessage(version: SecretVersion, currentVersion: number) {
  return create(SecretVersionSchema, {
    version: version.versionNumber,
    status: statuses[version.state],
    valueFormat: version.payloadForm === "data" ? "string" : "keyValue",
    createdAt: timestampFromDate(version.createTime),
    ...(version.versionNumber === currentVersion ? { stage: "current" } : {}),
    ...(version.destroyTime ? { destroyedAt: timestampFromDate(version.destroyTime) } : {}),
    ...(version.lastAccessedTime ? { lastAccessedAt: timestampFromDate(version.lastAccessedTime) } : {}),
  });
}
