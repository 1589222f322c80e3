// Keys as Thalassa Cloud's users ask for them and see them.
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type Key as KeyMessage,
  KeySchema,
  type SetKeyRotationRequest,
} from "../../../gen/coffer/rest/thalassa/v1/key_service_pb.ts";
import { invalidField } from "../../domain/errors.ts";
import type { KmsKeyRecord, KmsKeyState } from "../../domain/kms-key.ts";
import { toRegionMessage } from "./messages.ts";

const statuses: Record<KmsKeyState, string> = {
  ACTIVE: "active",
  DISABLED: "disabled",
  PENDING_DESTRUCTION: "pending_deletion",
  DESTROYED: "destroyed",
};

export function toKeyMessage(key: KmsKeyRecord): KeyMessage {
  const { rotationPeriodDays, nextRotateTime, rotateTime, scheduledDestroyTime } = key;
  return create(KeySchema, {
    identity: key.kmsKeyId,
    name: key.name,
    slug: key.name,
    keyType: key.algorithm,
    status: statuses[key.state],
    currentVersion: key.primaryVersion,
    labels: key.labels,
    keyRotationEnabled: rotationPeriodDays !== undefined,
    createdAt: timestampFromDate(key.createTime),
    updatedAt: timestampFromDate(key.updateTime),
    region: toRegionMessage(key.region),
    objectVersion: key.revision,
    ...(rotationPeriodDays === undefined ? {} : { rotationPeriodInDays: rotationPeriodDays }),
    ...(nextRotateTime ? { nextRotationAt: timestampFromDate(nextRotateTime) } : {}),
    ...(rotateTime ? { lastRotatedAt: timestampFromDate(rotateTime) } : {}),
    ...(scheduledDestroyTime ? { deletionScheduledAt: timestampFromDate(scheduledDestroyTime) } : {}),
  });
}

type Rotation = Pick<SetKeyRotationRequest, "keyRotationEnabled" | "rotationPeriodInDays">;

/** How often a job rotates the key; undefined: never. Fails with FIELD_INVALID where the two fields contradict each other. */
export function toRotationPeriodDays({ keyRotationEnabled, rotationPeriodInDays }: Rotation): number | undefined {
  if (keyRotationEnabled === true && rotationPeriodInDays === undefined) {
    throw invalidField("rotation_period_in_days", "is required where keyRotationEnabled is true");
  }
  if (keyRotationEnabled === false && rotationPeriodInDays !== undefined) {
    throw invalidField("rotation_period_in_days", "cannot be given where keyRotationEnabled is false");
  }
  return rotationPeriodInDays;
}
