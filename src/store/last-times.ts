// Stores when secrets, versions and tokens were last used, many in one statement. A time never goes back, and no etag changes.
import type { SecretVersion } from "../domain/secret/version.ts";
import type { Sql } from "./database.ts";

/** Something that was used `agoMs` ago. */
export interface Ago<T> {
  item: T;
  agoMs: number;
}

export type UsedSecret = Pick<SecretVersion, "workspaceId" | "secretId">;
export type UsedVersion = Pick<SecretVersion, "workspaceId" | "secretId" | "versionNumber">;

// By the database's clock, whatever the clock of this machine says.
const usedTime = "now() - t.ago_ms * interval '1 millisecond'";

/** Values of these secrets were returned. */
export async function touchSecretsAccessed(sql: Sql, secrets: readonly Ago<UsedSecret>[]): Promise<void> {
  await touchSecrets(sql, "last_accessed_time", secrets);
}

/** Values of these secrets were put into requests. */
export async function touchSecretsUsed(sql: Sql, secrets: readonly Ago<UsedSecret>[]): Promise<void> {
  await touchSecrets(sql, "last_used_time", secrets);
}

async function touchSecrets(
  sql: Sql,
  column: "last_accessed_time" | "last_used_time",
  secrets: readonly Ago<UsedSecret>[],
): Promise<void> {
  await sql.query({
    name: `touch_secrets_${column}`,
    text: `update secret s set ${column} = ${usedTime}
      from unnest($1::text[], $2::text[], $3::float8[]) as t (workspace_id, secret_id, ago_ms)
      where s.workspace_id = t.workspace_id and s.secret_id = t.secret_id and (s.${column} < ${usedTime}) is not false`,
    values: [
      secrets.map(({ item }) => item.workspaceId),
      secrets.map(({ item }) => item.secretId),
      secrets.map(({ agoMs }) => agoMs),
    ],
  });
}

/** The values of these versions were returned. */
export async function touchVersionsAccessed(sql: Sql, versions: readonly Ago<UsedVersion>[]): Promise<void> {
  await sql.query({
    name: "touch_versions_accessed",
    text: `update secret_version v set last_accessed_time = ${usedTime}
      from unnest($1::text[], $2::text[], $3::integer[], $4::float8[]) as t (workspace_id, secret_id, version_number, ago_ms)
      where v.workspace_id = t.workspace_id and v.secret_id = t.secret_id and v.version_number = t.version_number
        and (v.last_accessed_time < ${usedTime}) is not false`,
    values: [
      versions.map(({ item }) => item.workspaceId),
      versions.map(({ item }) => item.secretId),
      versions.map(({ item }) => item.versionNumber),
      versions.map(({ agoMs }) => agoMs),
    ],
  });
}

/** Calls were made with these tokens. */
export async function touchTokensUsed(sql: Sql, tokens: readonly Ago<string>[]): Promise<void> {
  await sql.query({
    name: "touch_tokens_used",
    text: `update api_token a set last_used_time = ${usedTime}
      from unnest($1::text[], $2::float8[]) as t (token_id, ago_ms)
      where a.token_id = t.token_id and (a.last_used_time < ${usedTime}) is not false`,
    values: [tokens.map(({ item }) => item), tokens.map(({ agoMs }) => agoMs)],
  });
}
