// The row of a sandbox. Its MAC covers who may act for the sandbox and where it may go.
import type { NetworkLimits } from "../../domain/egress/network-limits.ts";
import { bytes, integer, json, optional, text, texts, time } from "./column-types.ts";
import { covered, coveredSince, mac, type RowOf, table, uncovered } from "./table.ts";

export const sandboxTable = table(
  "sandbox",
  "b",
  { mac: { name: "sandbox", version: 1 } },
  {
    workspaceId: covered("workspace_id", text, "mac"),
    sandboxId: covered("sandbox_id", text, "mac"),
    lookupId: covered("lookup_id", text, "mac"),
    tokenHash: covered("token_hash", bytes, "mac"),
    sourceAddress: covered("source_address", optional(text), "mac"),
    network: coveredSince(2, "network", optional(json<NetworkLimits>()), "mac"),
    name: uncovered("shown", "name", text),
    metadata: uncovered("shown", "metadata", json<Readonly<Record<string, string>>>()),
    envKeys: uncovered("names", "env_keys", texts),
    envEnvelope: uncovered("sealed", "env_envelope", optional(bytes)),
    envKmsKeyId: uncovered("bound", "env_kms_key_id", optional(text)),
    envKmsKeyVersion: uncovered("bound", "env_kms_key_version", optional(integer)),
    createTime: uncovered("shown", "create_time", time),
    mac: mac(),
  },
  { delete_time: "revoked" },
);

export type SandboxRow = RowOf<typeof sandboxTable.columns>;
