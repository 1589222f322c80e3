// The row of a KMS key. Its MAC covers what decides whether and for what the key may be used.
import type { KmsKeyState } from "../../domain/key/kms-key.ts";
import { boolean, integer, json, oneOf, optional, text, time } from "./column-types.ts";
import { covered, coveredProperties, coveredSince, mac, type RowOf, table, uncovered } from "./table.ts";

export const kmsKeyTable = table(
  "kms_key",
  "k",
  { mac: { name: "kms_key", version: 1 } },
  {
    workspaceId: covered("workspace_id", text, "mac"),
    kmsKeyId: covered("kms_key_id", text, "mac"),
    region: covered("region", text, "mac"),
    name: covered("name", text, "mac"),
    algorithm: covered("algorithm", text, "mac"),
    state: covered("state", oneOf<KmsKeyState>(), "mac"),
    primaryVersion: covered("primary_version", integer, "mac"),
    exportAllowed: coveredSince(2, "export_allowed", boolean, "mac"),
    mac: mac(),
    description: uncovered("shown", "description", text),
    labels: uncovered("shown", "labels", json<Record<string, string>>()),
    annotations: uncovered("shown", "annotations", json<Record<string, string>>()),
    imported: uncovered("shown", "imported", boolean),
    rotationAllowed: uncovered("rotation", "rotation_allowed", boolean),
    revision: uncovered("etag", "revision", integer),
    createTime: uncovered("shown", "create_time", time),
    updateTime: uncovered("shown", "update_time", time),
    rotateTime: uncovered("schedule", "rotate_time", optional(time)),
    rotationPeriodDays: uncovered("schedule", "rotation_period_days", optional(integer)),
    nextRotateTime: uncovered("schedule", "next_rotate_time", optional(time)),
    scheduledDestroyTime: uncovered("schedule", "scheduled_destroy_time", optional(time)),
    destroyTime: uncovered("shown", "destroy_time", optional(time)),
  },
  {
    rewrap_after: "job",
    rewrap_pass_time: "job",
    rewrap_secret_id: "job",
    rewrap_version_number: "job",
    rewrap_retry_ms: "job",
  },
);

export type KmsKeyRow = RowOf<typeof kmsKeyTable.columns>;

/** The properties that are needed to use a key. */
export const kmsKeyProperties = [...coveredProperties(kmsKeyTable, "mac"), "mac" as const];

export type StoredKmsKey = Pick<KmsKeyRow, (typeof kmsKeyProperties)[number]>;
