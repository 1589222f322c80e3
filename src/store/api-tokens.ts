// Reads and writes API tokens. They are found by the id in their text; only a hash of the rest is stored.
import type { Role } from "../domain/access/permission.ts";
import type { ApiToken } from "../domain/workspace/workspace.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { apiTokenTable, type StoredApiToken } from "./rows/api-token.ts";
import { type DriverRow, select } from "./rows/select.ts";
import { propertiesBut } from "./rows/table.ts";
import type { StoredMember } from "./rows/workspace-member.ts";
import { write } from "./rows/write.ts";

const stored = select(apiTokenTable, propertiesBut(apiTokenTable));

/** A membership, and how often the access rules of its workspace have changed. */
export interface MemberRecord extends StoredMember {
  accessRevision: number;
}

/** A token with the facts that authentication requires. */
export interface TokenRecord {
  token: StoredApiToken;
  /** By the database's clock. */
  isExpired: boolean;
  /** Milliseconds until it expires, by the database's clock; undefined: never. */
  expiresInMs: number | undefined;
  /** The memberships of its principal in the workspaces that the token reaches. */
  members: MemberRecord[];
}

interface MemberJson {
  workspace_id: string;
  role: Role;
  mac: string;
  access_revision: number;
}

export async function findTokenRecord(sql: Sql, lookupId: string): Promise<TokenRecord | undefined> {
  const rows = await sql.query<DriverRow & { expires_in_ms: number | null; members: MemberJson[] }>({
    name: "find_token_record",
    isLookup: true,
    text: `select ${stored.sql},
        extract(epoch from t.expire_time - clock_timestamp())::float8 * 1000 as expires_in_ms,
        coalesce((
          select json_agg(json_build_object('workspace_id', m.workspace_id, 'role', m.role, 'mac', encode(m.mac, 'hex'),
            'access_revision', w.access_revision) order by m.workspace_id)
          from workspace_member m join workspace w on w.workspace_id = m.workspace_id
          where m.principal_id = t.principal_id and (t.workspace_id is null or m.workspace_id = t.workspace_id)
        ), '[]') as members
      from api_token t where t.lookup_id = $1`,
    values: [lookupId],
  });
  const row = firstOrUndefined(rows);
  if (!row) return undefined;
  const token = stored.read(row);
  const expiresInMs = row.expires_in_ms ?? undefined;
  return {
    token,
    isExpired: expiresInMs !== undefined && expiresInMs <= 0,
    expiresInMs,
    members: row.members.map((member) => ({
      workspaceId: member.workspace_id,
      principalId: token.principalId,
      role: member.role,
      mac: Buffer.from(member.mac, "hex"),
      accessRevision: member.access_revision,
    })),
  };
}

const inserted = propertiesBut(apiTokenTable, "revision", "createTime", "revokeTime", "lastUsedTime");
const newTokens = write(apiTokenTable, inserted);

export type NewApiToken = Pick<StoredApiToken, (typeof inserted)[number]>;

export async function insertToken(tx: Tx, token: NewApiToken): Promise<ApiToken> {
  const rows = await tx.query<DriverRow>({
    name: "insert_token",
    text: `${newTokens.insert()} returning ${stored.sql}`,
    values: newTokens.values(token),
  });
  return stored.read(only(rows));
}

// Tokens of this workspace only, and tokens that reach all workspaces of a member.
const ofWorkspace = `(t.workspace_id = $1 or (t.workspace_id is null and t.principal_id = any (array(
  select m.principal_id from workspace_member m where m.workspace_id = $1))))`;

/** Returns a token that reaches the workspace. */
export async function findToken(sql: Sql, workspaceId: string, tokenId: string): Promise<ApiToken | undefined> {
  const rows = await sql.query<DriverRow>({
    name: "find_token",
    text: `select ${stored.sql} from api_token t where t.token_id = $2 and ${ofWorkspace}`,
    values: [workspaceId, tokenId],
  });
  const row = firstOrUndefined(rows);
  return row && stored.read(row);
}

/** Returns a token that reaches the workspace, and locks its row. */
export async function lockToken(tx: Tx, workspaceId: string, tokenId: string): Promise<StoredApiToken | undefined> {
  const rows = await tx.query<DriverRow>({
    name: "lock_token",
    text: `select ${stored.sql} from api_token t where t.token_id = $2 and ${ofWorkspace} for update of t`,
    values: [workspaceId, tokenId],
  });
  const row = firstOrUndefined(rows);
  return row && stored.read(row);
}

/** Returns the next `limit` tokens below `belowId` that reach the workspace, newest first. */
export async function listTokens(sql: Sql, workspaceId: string, belowId: string, limit: number): Promise<ApiToken[]> {
  const rows = await sql.query<DriverRow>({
    name: "list_tokens",
    text: `select ${stored.sql} from api_token t where ${ofWorkspace} and t.token_id < $2 order by t.token_id desc limit $3`,
    values: [workspaceId, belowId, limit],
  });
  return rows.map(stored.read);
}

/** Returns one workspace that the token reaches, for callers that know only the token's id. */
export async function findWorkspaceOfToken(sql: Sql, tokenId: string): Promise<string | undefined> {
  const rows = await sql.query<{ workspace_id: string | null }>({
    name: "find_workspace_of_token",
    text: `select coalesce(t.workspace_id, (
        select min(m.workspace_id) from workspace_member m where m.principal_id = t.principal_id
      )) as workspace_id
      from api_token t where t.token_id = $1`,
    values: [tokenId],
  });
  return firstOrUndefined(rows)?.workspace_id ?? undefined;
}

/** The channel that announces the lookup ids of changed tokens. */
export const revocationChannel = "coffer_token_revoked";

/** Revokes a token at the given time, which its MAC covers. The commit notifies every instance. */
export async function revokeToken(
  tx: Tx,
  token: Pick<StoredApiToken, "tokenId" | "lookupId" | "mac"> & { revokeTime: Date },
): Promise<ApiToken> {
  const rows = await tx.query<DriverRow>({
    name: "revoke_token",
    text: `update api_token t set revoke_time = $2, mac = $3, revision = t.revision + 1
      where t.token_id = $1 returning ${stored.sql}`,
    values: [token.tokenId, token.revokeTime, token.mac],
  });
  await notifyChanged(tx, token.lookupId);
  return stored.read(only(rows));
}

const rotated = write(apiTokenTable, ["lookupId", "prefix", "secretHash", "mac"]);

/** Gives the token another secret and lookup id, which its MAC covers. The commit notifies every instance of the old lookup id. */
export async function rotateToken(
  tx: Tx,
  token: Pick<StoredApiToken, "tokenId" | "lookupId" | "prefix" | "secretHash" | "mac">,
  oldLookupId: string,
): Promise<ApiToken> {
  const rows = await tx.query<DriverRow>({
    name: "rotate_token",
    text: `update api_token t set ${rotated.assign(2)}, revision = t.revision + 1
      where t.token_id = $1 returning ${stored.sql}`,
    values: [token.tokenId, ...rotated.values(token)],
  });
  await notifyChanged(tx, oldLookupId);
  return stored.read(only(rows));
}

async function notifyChanged(tx: Tx, lookupId: string): Promise<void> {
  await tx.query({
    name: "notify_revocation",
    text: "select pg_notify($1, $2)",
    values: [revocationChannel, lookupId],
  });
}
