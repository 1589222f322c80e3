// Keys, domain ⇄ coffer.v1.

import { create } from "@bufbuild/protobuf";
import { type Duration, DurationSchema, type FieldMask } from "@bufbuild/protobuf/wkt";
import {
  HashAlgorithm,
  type Key,
  type KeyImport,
  KeyRewrapSchema,
  KeySchema,
  KeyState,
  KeyVersionSchema,
} from "../../../gen/coffer/v1/key_service_pb.ts";
import { toTimestamp } from "../../call/timestamp.ts";
import { type FieldChanges, maskedChange } from "../../call/update-mask.ts";
import { invalidField } from "../../domain/error/errors.ts";
import { type HashName, hashes as nodeHashes } from "../../domain/key/hash-name.ts";
import type { KmsKeyRecord, KmsKeyState } from "../../domain/key/kms-key.ts";
import { etagOf } from "../../domain/secret/secret.ts";
import type { UpdateKeyInput } from "../../operations/keys/update.ts";
import type { ImportedMaterial } from "../../steps/keys/import-material.ts";

const secondsPerDay = 86_400;

const stateMessages: Record<KmsKeyState, KeyState> = {
  ACTIVE: KeyState.ACTIVE,
  DISABLED: KeyState.DISABLED,
  PENDING_DESTRUCTION: KeyState.PENDING_DESTRUCTION,
  DESTROYED: KeyState.DESTROYED,
};

/** The schema refuses an unspecified one. */
export function toKeyStates(messages: readonly KeyState[]): KmsKeyState[] {
  return (Object.keys(stateMessages) as KmsKeyState[]).filter((state) => messages.includes(stateMessages[state]));
}

const hashes: Readonly<Record<HashAlgorithm, HashName | undefined>> = {
  [HashAlgorithm.UNSPECIFIED]: undefined,
  [HashAlgorithm.SHA256]: "sha2-256",
  [HashAlgorithm.SHA384]: "sha2-384",
  [HashAlgorithm.SHA512]: "sha2-512",
};

/** The schema refuses other numbers. */
export function toHash(message: HashAlgorithm): HashName | undefined {
  return hashes[message];
}

export function toImported(message: KeyImport | undefined): ImportedMaterial | undefined {
  if (!message) return undefined;
  const { importKeyMaterial: wrapped, hashFunction, allowRotation } = message;
  const hash = nodeHashes[toHash(hashFunction) ?? "sha2-256"];
  return { wrapped, hash, allowRotation, field: "import.import_key_material" };
}

/** The schema keeps it between 1 and 3,650 days. */
export function toDays(period: Duration | undefined, field: string): number | undefined {
  if (!period) return undefined;
  const days = Number(period.seconds) / secondsPerDay;
  if (!Number.isInteger(days) || period.nanos !== 0) throw invalidField(field, "must be whole days");
  return days;
}

const changes: FieldChanges<Key, UpdateKeyInput["change"]> = {
  name({ name }) {
    if (name === "") throw invalidField("key.name", "must not be empty");
    return { name };
  },
  description: ({ description }) => ({ description }),
  labels: ({ labels }) => ({ labels }),
  annotations: ({ annotations }) => ({ annotations }),
  rotation_period: ({ rotationPeriod }) => ({ rotationPeriodDays: toDays(rotationPeriod, "key.rotation_period") }),
};

/** Fails with FIELD_INVALID. */
export function toKeyChange(key: Key, mask: FieldMask | undefined): UpdateKeyInput["change"] {
  return maskedChange(KeySchema, key, mask, changes);
}

export function toKeyMessage(key: KmsKeyRecord, rewrapRemaining?: number): Key {
  const { rotationPeriodDays } = key;
  return create(KeySchema, {
    id: key.kmsKeyId,
    workspaceId: key.workspaceId,
    region: key.region,
    name: key.name,
    algorithm: key.algorithm,
    state: stateMessages[key.state],
    primaryVersion: key.primaryVersion,
    description: key.description,
    labels: key.labels,
    annotations: key.annotations,
    exportAllowed: key.exportAllowed,
    imported: key.imported,
    rotationAllowed: key.rotationAllowed,
    versions: key.versions.map(({ version, createTime }) =>
      create(KeyVersionSchema, { version, createTime: toTimestamp(createTime) }),
    ),
    ...(rotationPeriodDays === undefined
      ? {}
      : { rotationPeriod: create(DurationSchema, { seconds: BigInt(rotationPeriodDays * secondsPerDay) }) }),
    etag: etagOf(key),
    createTime: toTimestamp(key.createTime),
    updateTime: toTimestamp(key.updateTime),
    rotateTime: toTimestamp(key.rotateTime),
    nextRotateTime: toTimestamp(key.nextRotateTime),
    scheduledDestroyTime: toTimestamp(key.scheduledDestroyTime),
    destroyTime: toTimestamp(key.destroyTime),
    ...(rewrapRemaining === undefined ? {} : { rewrap: create(KeyRewrapSchema, { remaining: rewrapRemaining }) }),
  });
}
