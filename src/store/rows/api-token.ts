// The row of an API token. Its MAC covers everything that decides what the token may do.
import { bytes, integer, optional, text, time, words } from "./column-types.ts";
import { covered, mac, type RowOf, table, uncovered } from "./table.ts";

export const apiTokenTable = table(
  "api_token",
  "t",
  { mac: { name: "api_token", version: 1 } },
  {
    tokenId: covered("token_id", text, "mac"),
    lookupId: covered("lookup_id", text, "mac"),
    principalId: covered("principal_id", text, "mac"),
    workspaceId: covered("workspace_id", optional(text), "mac"),
    scopes: covered("scopes", words, "mac"),
    secretHash: covered("secret_hash", bytes, "mac"),
    expireTime: covered("expire_time", optional(time), "mac"),
    revokeTime: covered("revoke_time", optional(time), "mac"),
    displayName: uncovered("shown", "display_name", text),
    prefix: uncovered("shown", "prefix", text),
    revision: uncovered("etag", "revision", integer),
    createTime: uncovered("shown", "create_time", time),
    lastUsedTime: uncovered("shown", "last_used_time", optional(time)),
    mac: mac(),
  },
);

export type StoredApiToken = RowOf<typeof apiTokenTable.columns>;
