// The row of a vault connection. Its MAC covers where its credentials are sent, and what is asked there.
import type { VaultType } from "../../domain/external-vault/vault-connection.ts";
import { bytes, integer, json, oneOf, optional, text, time } from "./column-types.ts";
import { covered, mac, type RowOf, table, uncovered } from "./table.ts";

export const vaultConnectionTable = table(
  "vault_connection",
  "c",
  { mac: { name: "vault_connection", version: 1 } },
  {
    workspaceId: covered("workspace_id", text, "mac"),
    vaultConnectionId: covered("vault_connection_id", text, "mac"),
    vaultType: covered("vault_type", oneOf<VaultType>(), "mac"),
    baseUrl: covered("base_url", text, "mac"),
    config: covered("config", json<Readonly<Record<string, string>>>(), "mac"),
    credentialsVersion: covered("credentials_version", integer, "mac"),
    kmsKeyId: covered("kms_key_id", text, "mac"),
    name: uncovered("shown", "name", text),
    description: uncovered("shown", "description", text),
    envelope: uncovered("sealed", "envelope", bytes),
    kmsKeyVersion: uncovered("bound", "kms_key_version", integer),
    lastVerifiedTime: uncovered("shown", "last_verified_time", optional(time)),
    revision: uncovered("etag", "revision", integer),
    createdBy: uncovered("shown", "created_by", text),
    createTime: uncovered("shown", "create_time", time),
    updateTime: uncovered("shown", "update_time", time),
    mac: mac(),
  },
);

export type StoredVaultConnection = RowOf<typeof vaultConnectionTable.columns>;
