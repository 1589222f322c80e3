// API tokens: hashed, looked up by the id that they carry.
import type { Role } from "../domain/permission.ts";
import type { ApiToken } from "../domain/workspace.ts";
import type { Sql, Tx } from "./database.ts";
import { firstOrUndefined, only } from "./rows.ts";
import type { StoredMember } from "./workspaces.ts";

/** A token as stored; its mac covers all that decides what it may do. */
export interface StoredApiToken extends ApiToken {
  lookupId: string;
  secretHash: Uint8Array;
  mac: Uint8Array;
}

const columns = `t.token_id, t.lookup_id, t.principal_id, t.workspace_id, t.display_name, t.prefix, t.scopes, t.secret_hash,
  t.create_time, t.expire_time, t.revoke_time, t.mac`;

interface TokenRow {
  token_id: string;
  lookup_id: string;
  principal_id: string;
  workspace_id: string | null;
  display_name: string;
  prefix: string;
  scopes: string[];
  secret_hash: Uint8Array;
  create_time: Date;
  expire_time: Date | null;
  revoke_time: Date | null;
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
    createTime: row.create_time,
    expireTime: row.expire_time ?? undefined,
    revokeTime: row.revoke_time ?? undefined,
    mac: row.mac,
  };
}

/** What authentication needs of a token. */
export interface TokenRecord {
  token: StoredApiToken;
  /** By the database's clock. */
  isExpired: boolean;
  /** Milliseconds until it expires, by the database's clock; undefined: never. */
  expiresInMs: number | undefined;
  /** Where its principal is a member, as far as the token reaches. */
  members: StoredMember[];
}

interface MemberJson {
  workspace_id: string;
  role: Role;
  mac: string;
}

export async function findTokenRecord(sql: Sql, lookupId: string): Promise<TokenRecord | undefined> {
  const rows = await sql.query<TokenRow & { expires_in_ms: number | null; members: MemberJson[] }>({
    name: "find_token_record",
    text: `select ${columns},
        extract(epoch from t.expire_time - now())::float8 * 1000 as expires_in_ms,
        coalesce((
          select json_agg(json_build_object('workspace_id', m.workspace_id, 'role', m.role, 'mac', encode(m.mac, 'hex'))
            order by m.workspace_id)
          from workspace_member m
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
    })),
  };
}

export async function insertToken(tx: Tx, token: Omit<StoredApiToken, "createTime" | "revokeTime">): Promise<ApiToken> {
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

/** Whose tokens: those of a workspace, and those of a principal that reach all of its workspaces, which are nobody else's. */
export interface TokenOwner {
  workspaceId: string;
  principalId: string;
}

const ofOwner = "(t.workspace_id = $1 or (t.workspace_id is null and t.principal_id = $2))";

export async function findToken(sql: Sql, owner: TokenOwner, tokenId: string): Promise<ApiToken | undefined> {
  const rows = await sql.query<TokenRow>({
    name: "find_token",
    text: `select ${columns} from api_token t where t.token_id = $3 and ${ofOwner}`,
    values: [owner.workspaceId, owner.principalId, tokenId],
  });
  const row = firstOrUndefined(rows);
  return row && toToken(row);
}

/** Holds the row until the transaction ends. */
export async function lockToken(tx: Tx, owner: TokenOwner, tokenId: string): Promise<StoredApiToken | undefined> {
  const rows = await tx.query<TokenRow>({
    name: "lock_token",
    text: `select ${columns} from api_token t where t.token_id = $3 and ${ofOwner} for update of t`,
    values: [owner.workspaceId, owner.principalId, tokenId],
  });
  const row = firstOrUndefined(rows);
  return row && toToken(row);
}

/** Newest first: the next `limit` tokens below `belowId`. */
export async function listTokens(sql: Sql, owner: TokenOwner, belowId: string, limit: number): Promise<ApiToken[]> {
  const rows = await sql.query<TokenRow>({
    name: "list_tokens",
    text: `select ${columns} from api_token t where ${ofOwner} and t.token_id < $3 order by t.token_id desc limit $4`,
    values: [owner.workspaceId, owner.principalId, belowId, limit],
  });
  return rows.map(toToken);
}

const revocations = "coffer_token_revoked";

/** Revokes at the given time, which the mac covers, and tells every instance when the transaction commits. */
export async function revokeToken(
  tx: Tx,
  token: Pick<StoredApiToken, "tokenId" | "lookupId" | "mac"> & { revokeTime: Date },
): Promise<ApiToken> {
  const rows = await tx.query<TokenRow>({
    name: "revoke_token",
    text: `update api_token t set revoke_time = $2, mac = $3 where t.token_id = $1 returning ${columns}`,
    values: [token.tokenId, token.revokeTime, token.mac],
  });
  await tx.query({
    name: "notify_revocation",
    text: "select pg_notify($1, $2)",
    values: [revocations, token.lookupId],
  });
  return toToken(only(rows));
}

/** The channel on which revoked tokens' lookup ids are announced. */
export const revocationChannel = revocations;
