// Destroys versions: with their secret, or because their scheduled time has come.
import type { Secret } from "../domain/secret/secret.ts";
import type { SecretVersion } from "../domain/secret/version.ts";
import { clock } from "./clock.ts";
import { only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { storedVersion } from "./rows/secret-version.ts";
import type { DriverRow } from "./rows/select.ts";

const isDue = "v.scheduled_destroy_time <= now()";

/** Returns whether any workspace has one, by the database's clock. */
export async function isDestructionDue(sql: Sql): Promise<boolean> {
  const rows = await sql.query<{ due: boolean }>({
    name: "is_destruction_due",
    text: `select exists (select from secret_version v where ${isDue}) as due`,
    values: [],
  });
  return only(rows).due;
}

/** Locks at most `limit` of them with their secrets, the longest due first. Skips locked rows. */
export async function lockVersionsToDestroy(tx: Tx, limit: number): Promise<SecretVersion[]> {
  const rows = await tx.query<DriverRow>({
    name: "lock_versions_to_destroy",
    text: `select ${storedVersion.sql} from secret_version v
      join secret s on s.workspace_id = v.workspace_id and s.secret_id = v.secret_id
      where ${isDue} order by v.scheduled_destroy_time limit $1 for update of s, v skip locked`,
    values: [limit],
  });
  return rows.map(storedVersion.read);
}

/** Returns the versions of a secret that are not destroyed yet. */
export async function findLiveVersions(
  tx: Tx,
  secret: Pick<Secret, "workspaceId" | "secretId">,
): Promise<SecretVersion[]> {
  const rows = await tx.query<DriverRow>({
    name: "find_live_versions",
    text: `select ${storedVersion.sql} from secret_version v
      where v.workspace_id = $1 and v.secret_id = $2 and v.state <> 'DESTROYED'`,
    values: [secret.workspaceId, secret.secretId],
  });
  return rows.map(storedVersion.read);
}

export type DestroyedVersion = Pick<SecretVersion, "workspaceId" | "secretId" | "versionNumber"> & {
  /** Covers its new state. */
  mac: Uint8Array;
};

/** Deletes the envelopes and wrapped keys of versions. Their secrets must be locked. */
export async function destroyVersions(tx: Tx, versions: readonly DestroyedVersion[]): Promise<void> {
  await tx.query({
    name: "destroy_versions",
    text: `update secret_version v set
        state = 'DESTROYED', envelope = null, destroy_time = t.at, scheduled_destroy_time = null, mac = d.mac,
        revision = v.revision + 1
      from ${clock}, unnest($1::text[], $2::text[], $3::integer[], $4::bytea[]) as d (workspace_id, secret_id, version_number, mac)
      where v.workspace_id = d.workspace_id and v.secret_id = d.secret_id and v.version_number = d.version_number`,
    values: [
      versions.map(({ workspaceId }) => workspaceId),
      versions.map(({ secretId }) => secretId),
      versions.map(({ versionNumber }) => versionNumber),
      versions.map(({ mac }) => Buffer.from(mac)),
    ],
  });
}

/** Increments the revision of secrets whose disabled versions were destroyed. The enabled versions are the same as before. */
export async function countDestructions(
  tx: Tx,
  secrets: readonly Pick<Secret, "workspaceId" | "secretId">[],
): Promise<void> {
  await tx.query({
    name: "count_destructions",
    text: `update secret s set revision = s.revision + 1, update_time = t.at
      from ${clock}, (select distinct * from unnest($1::text[], $2::text[]) as u (workspace_id, secret_id)) d
      where s.workspace_id = d.workspace_id and s.secret_id = d.secret_id`,
    values: [secrets.map(({ workspaceId }) => workspaceId), secrets.map(({ secretId }) => secretId)],
  });
}
