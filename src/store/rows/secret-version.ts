// The row of a secret version. Its MAC covers its state and, if there is one, the vault connection of its reference.
import type { PayloadForm } from "../../domain/secret/payload.ts";
import type { VersionState } from "../../domain/secret/version.ts";
import { bytes, integer, oneOf, optional, text, time } from "./column-types.ts";
import { select } from "./select.ts";
import { covered, coveredSince, mac, propertiesBut, type RowOf, table, uncovered } from "./table.ts";

export const versionTable = table(
  "secret_version",
  "v",
  { mac: { name: "secret_version", version: 1 } },
  {
    workspaceId: covered("workspace_id", text, "mac"),
    secretId: covered("secret_id", text, "mac"),
    versionId: covered("version_id", text, "mac"),
    versionNumber: covered("version_number", integer, "mac"),
    state: covered("state", oneOf<VersionState>(), "mac"),
    vaultConnectionId: coveredSince(2, "vault_connection_id", optional(text), "mac"),
    comment: uncovered("shown", "comment", text),
    payloadForm: uncovered("bound", "payload_form", oneOf<PayloadForm>()),
    envelope: uncovered("sealed", "envelope", optional(bytes)),
    kmsKeyId: uncovered("bound", "kms_key_id", text),
    kmsKeyVersion: uncovered("bound", "kms_key_version", integer),
    revision: uncovered("etag", "revision", integer),
    createTime: uncovered("shown", "create_time", time),
    destroyTime: uncovered("shown", "destroy_time", optional(time)),
    scheduledDestroyTime: uncovered("schedule", "scheduled_destroy_time", optional(time)),
    lastAccessedTime: uncovered("shown", "last_accessed_time", optional(time)),
    mac: mac(),
  },
);

export type VersionRow = RowOf<typeof versionTable.columns>;

/** A version without its ciphertext. */
export type StoredVersion = Omit<VersionRow, "envelope">;

/** The columns of `secret_version v` that make a StoredVersion. */
export const storedVersion = select(versionTable, propertiesBut(versionTable, "envelope"));
