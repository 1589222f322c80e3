// API tokens: hashed, looked up by the id that they carry.
import type { Role } from "../domain/access/permission.ts";
import type { ApiToken } from "../domain/workspace/workspace.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import type { StoredMember } from "./workspaces.ts";

/** A token as stored; its mac covers all that decides what it may do. */
export interface StoredApiToken extends ApiToken {
  lookupId: string;
  secretHash: Uint8Array;
  mac: Uint8Array;
}

const columns = `t.token_id, t.lookup_id, t.principal_id, t.workspace_id, t.display_name, t.prefix, t.scopes, t.secret_hash,
  t.revision, t.create_time, t.expire_time, t.revoke_time, t.last_used_time, t.mac`;

interface TokenRow {
  token_id: string;
  lookup_id: string;
  principal_id: string;
  workspace_id: string | null;
  display_name: string;
  prefix: string;
  scopes: string[];
  secret_hash: Uint8Array;
  revision: number;
  create_time: Date;
  expire_time: Date | null;
  revoke_time: Date | null;
  last_used_time: Date | null;
  mac: Uint8Array;
}

function toToken(row: TokenRow): StoredApiToken {
  return {
    tokenId: row.token_id,
    lookupId: row.lookup_id,
    principalId: row.principal_id,
    workspaceId: row.workspace_id ?? undefined,
    displayName: row.display_name,
    prefix: row.prefix,
    scopes: row.scopes,
    secretHash: row.secret_hash,
    revision: row.revision,
    createTime: row.create_time,
    expireTime: row.expire_time ?? undefined,
    revokeTime: row.revoke_time ?? undefined,
    lastUsedTime: row.last_used_time ?? undefined,
    mac: row.mac,
  };
}

/** A membership, and how often the access rules of its workspace have changed. */
export interface MemberRecord extends StoredMember {
  accessRevision: number;
}

/** What authentication needs of a token. */
export interface TokenRecord {
  token: StoredApiToken;
  /** By the database's clock. */
  isExpired: boolean;
  /** Milliseconds until it expires, by the database's clock; undefined: never. */
  expiresInMs: number | undefined;
  /** Where its principal is a member, as far as the token reaches. */
  members: MemberRecord[];
}

interface MemberJson {
  workspace_id: string;
  role: Role;
  mac: string;
  access_revision: number;
}

export async function findTokenRecord(sql: Sql, lookupId: string): Promise<TokenRecord | undefined> {
  const rows = await sql.query<TokenRow & { expires_in_ms: number | null; members: MemberJson[] }>({
    name: "find_token_record",
    isLookup: true,
    text: `select ${columns},
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
  const expiresInMs = row.expires_in_ms ?? undefined;
  return {
    token: toToken(row),
    isExpired: expiresInMs !== undefined && expiresInMs <= 0,
    expiresInMs,
    members: row.members.map((member) => ({
      workspaceId: member.workspace_id,
      principalId: row.principal_id,
      role: member.role,
      mac: Buffer.from(member.mac, "hex"),
      accessRevision: member.access_revision,
    })),
  };
}

/** What is given of a new token; the rest begins empty. */
export type NewApiToken = Omit<StoredApiToken, "revision" | "createTime" | "revokeTime" | "lastUsedTime">;

export async function insertToken(tx: Tx, token: NewApiToken): Promise<ApiToken> {
  const rows = await tx.query<TokenRow>({
    name: "insert_token",
    text: `insert into api_token as t (
        token_id, lookup_id, principal_id, workspace_id, display_name, prefix, scopes, secret_hash, expire_time, mac)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning ${columns}`,
    values: [
      token.tokenId,
      token.lookupId,
      token.principalId,
      token.workspaceId ?? null,
      token.displayName,
      token.prefix,
      token.scopes,
      token.secretHash,
      token.expireTime ?? null,
      token.mac,
    ],
  });
  return toToken(only(rows));
}

// Those of the workspace alone, and those that reach it among others.
const ofWorkspace = `(t.workspace_id = $1 or (t.workspace_id is null and t.principal_id = any (array(
  select m.principal_id from workspace_member m where m.workspace_id = $1))))`;

/** A token that reaches the workspace. */
export async function findToken(sql: Sql, workspaceId: string, tokenId: string): Promise<ApiToken | undefined> {
  const rows = await sql.query<TokenRow>({
    name: "find_token",
    text: `select ${columns} from api_token t where t.token_id = $2 and ${ofWorkspace}`,
    values: [workspaceId, tokenId],
  });
  const row = firstOrUndefined(rows);
  return row && toToken(row);
}

/** The same, and holds the row until the transaction ends. */
export async function lockToken(tx: Tx, workspaceId: string, tokenId: string): Promise<StoredApiToken | undefined> {
  const rows = await tx.query<TokenRow>({
    name: "lock_token",
    text: `select ${columns} from api_token t where t.token_id = $2 and ${ofWorkspace} for update of t`,
    values: [workspaceId, tokenId],
  });
  const row = firstOrUndefined(rows);
  return row && toToken(row);
}

/** Newest first: the next `limit` tokens below `belowId` that reach the workspace. */
export async function listTokens(sql: Sql, workspaceId: string, belowId: string, limit: number): Promise<ApiToken[]> {
  const rows = await sql.query<TokenRow>({
    name: "list_tokens",
    text: `select ${columns} from api_token t where ${ofWorkspace} and t.token_id < $2 order by t.token_id desc limit $3`,
    values: [workspaceId, belowId, limit],
  });
  return rows.map(toToken);
}

/** Some workspace that the token reaches: for who knows nothing but its id. */
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

/** The channel on which the lookup ids of tokens that changed are announced. */
export const revocationChannel = "coffer_token_revoked";

/** Revokes at the given time, which the mac covers, and tells every instance when the transaction commits. */
export async function revokeToken(
  tx: Tx,
  token: Pick<StoredApiToken, "tokenId" | "lookupId" | "mac"> & { revokeTime: Date },
): Promise<ApiToken> {
  const rows = await tx.query<TokenRow>({
    name: "revoke_token",
    text: `update api_token t set revoke_time = $2, mac = $3, revision = t.revision + 1
      where t.token_id = $1 returning ${columns}`,
    values: [token.tokenId, token.revokeTime, token.mac],
  });
  await notifyChanged(tx, token.lookupId);
  return toToken(only(rows));
}

/** Gives the token another secret and lookup id, which the mac covers; the one it had is announced as gone. */
export async function rotateToken(
  tx: Tx,
  token: Pick<StoredApiToken, "tokenId" | "lookupId" | "prefix" | "secretHash" | "mac">,
  oldLookupId: string,
): Promise<ApiToken> {
  const rows = await tx.query<TokenRow>({
    name: "rotate_token",
    text: `update api_token t set lookup_id = $2, prefix = $3, secret_hash = $4, mac = $5, revision = t.revision + 1
      where t.token_id = $1 returning ${columns}`,
    values: [token.tokenId, token.lookupId, token.prefix, token.secretHash, token.mac],
  });
  await notifyChanged(tx, oldLookupId);
  return toToken(only(rows));
}

async function notifyChanged(tx: Tx, lookupId: string): Promise<void> {
  await tx.query({
    name: "notify_revocation",
    text: "select pg_notify($1, $2)",
    values: [revocationChannel, lookupId],
  });
}

/** Notes when tokens were last used. */
export async function touchUsed(sql: Sql, tokenIds: readonly string[]): Promise<void> {
  await sql.query({
    name: "touch_used",
    text: "update api_token set last_used_time = now() where token_id = any ($1)",
    values: [tokenIds],
  });
}
