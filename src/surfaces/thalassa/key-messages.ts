// Keys in Thalassa Cloud's requests and answers.

import { create } from "@bufbuild/protobuf";
import {
  type CreateKeyRequest,
  type Key as KeyMessage,
  KeySchema,
  KeyVersionSchema,
  type SetKeyRotationRequest,
} from "../../../gen/coffer/rest/thalassa/v1/key_service_pb.ts";
import { toTimestamp } from "../../call/timestamp.ts";
import { invalidField } from "../../domain/error/errors.ts";
import { type HashName, hashes } from "../../domain/key/hash-name.ts";
import { type KmsKeyRecord, slugOf } from "../../domain/key/kms-key.ts";
import type { ImportedMaterial } from "../../steps/keys/import-material.ts";
import { keyStatuses, toRegionMessage } from "./messages.ts";

export function toKeyMessage(key: KmsKeyRecord): KeyMessage {
  const { rotationPeriodDays, nextRotateTime, rotateTime, scheduledDestroyTime } = key;
  return create(KeySchema, {
    identity: key.kmsKeyId,
    name: key.name,
    slug: slugOf(key.name),
    keyType: key.algorithm,
    status: keyStatuses[key.state],
    currentVersion: key.primaryVersion,
    latestVersion: key.primaryVersion,
    versions: key.versions.map(({ version, createTime }) =>
      create(KeyVersionSchema, { version, status: "active", createdAt: toTimestamp(createTime) }),
    ),
    labels: key.labels,
    annotations: key.annotations,
    projectId: key.workspaceId,
    exportAllowed: key.exportAllowed,
    imported: key.imported,
    keyRotationEnabled: rotationPeriodDays !== undefined,
    createdAt: toTimestamp(key.createTime),
    updatedAt: toTimestamp(key.updateTime),
    region: toRegionMessage(key.region),
    objectVersion: key.revision,
    ...(key.description === "" ? {} : { description: key.description }),
    ...(rotationPeriodDays === undefined ? {} : { rotationPeriodInDays: rotationPeriodDays }),
    nextRotationAt: toTimestamp(nextRotateTime),
    lastRotatedAt: toTimestamp(rotateTime),
    deletionScheduledAt: toTimestamp(scheduledDestroyTime),
  });
}

type Rotation = Pick<SetKeyRotationRequest, "keyRotationEnabled" | "rotationPeriodInDays">;

/** Returns the period in which a job rotates the key; undefined: never. Fails with FIELD_INVALID if the two fields contradict each other. */
export function toRotationPeriodDays({ keyRotationEnabled, rotationPeriodInDays }: Rotation): number | undefined {
  if (keyRotationEnabled === true && rotationPeriodInDays === undefined) {
    throw invalidField("rotation_period_in_days", "is required where keyRotationEnabled is true");
  }
  if (keyRotationEnabled === false && rotationPeriodInDays !== undefined) {
    throw invalidField("rotation_period_in_days", "cannot be given where keyRotationEnabled is false");
  }
  return rotationPeriodInDays;
}

/** Returns undefined if nothing is imported. Fails with FIELD_INVALID for fields that require imported material. */
export function toImported(request: CreateKeyRequest): ImportedMaterial | undefined {
  const { importKeyMaterial: wrapped, hashFunction, allowRotation } = request;
  if (wrapped.byteLength > 0) {
    const hash = hashFunction === "" ? "sha256" : (hashFunction.toLowerCase() as ImportedMaterial["hash"]);
    return { wrapped, hash, allowRotation: allowRotation === true, field: "import_key_material" };
  }
  const only = "is only for keys with importKeyMaterial";
  if (hashFunction !== "") throw invalidField("hash_function", only);
  if (allowRotation !== undefined) throw invalidField("allow_rotation", `${only}; all other keys can be rotated`);
  return undefined;
}

/** Returns the number of a version; 0 for none. Fails with FIELD_INVALID for a text that is not a number. */
export function toKeyVersion(text: string, field = "key_version"): number {
  if (text === "") return 0;
  const number = Number(text);
  if (/^[1-9]\d*$/.test(text) && number <= 0x7fff_ffff) return number;
  throw invalidField(field, 'must be the number of a version of the key, such as "1"');
}

/** Returns undefined for an empty text. Fails with FIELD_INVALID for an unknown hash. */
export function toHash(text: string, field: string): HashName | undefined {
  if (text === "") return undefined;
  const bits = /^sha-?(?:2-)?(256|384|512)$/i.exec(text)?.[1];
  const name = Object.keys(hashes).find((known) => known === `sha2-${bits}`);
  if (name === undefined) throw invalidField(field, `must be one of ${Object.keys(hashes).join(", ")}`);
  return name as HashName;
}
