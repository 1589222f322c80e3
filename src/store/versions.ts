import type { Secret } from "../domain/secret/secret.ts";
import { currentAlias, type SecretVersion, type VersionRef, type VersionState } from "../domain/secret/version.ts";
import { clock } from "./clock.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import type { StoredSecret } from "./rows/secret.ts";
import { type StoredVersion, storedVersion, type VersionRow, versionTable } from "./rows/secret-version.ts";
import type { DriverRow } from "./rows/select.ts";
import { propertiesBut } from "./rows/table.ts";
import { write } from "./rows/write.ts";

export async function findVersion(
  sql: Sql,
  secret: Pick<Secret, "workspaceId" | "secretId" | "currentVersion" | "versionAliases">,
  ref: VersionRef,
): Promise<StoredVersion | undefined> {
  const { workspaceId, secretId } = secret;
  const rows =
    ref.by === "id"
      ? await sql.query<DriverRow>({
          name: "find_version_by_id",
          text: `select ${storedVersion.sql} from secret_version v
            where v.workspace_id = $1 and v.secret_id = $2 and v.version_id = $3`,
          values: [workspaceId, secretId, ref.versionId],
        })
      : await sql.query<DriverRow>({
          name: "find_version_by_number",
          text: `select ${storedVersion.sql} from secret_version v
            where v.workspace_id = $1 and v.secret_id = $2 and v.version_number = $3`,
          values: [workspaceId, secretId, numberOf(secret, ref)],
        });
  const row = firstOrUndefined(rows);
  return row && storedVersion.read(row);
}

/** Finds a version by its id alone. A replay knows no more. */
export async function findVersionById(
  sql: Sql,
  workspaceId: string,
  versionId: string,
): Promise<StoredVersion | undefined> {
  const rows = await sql.query<DriverRow>({
    name: "find_version_by_own_id",
    text: `select ${storedVersion.sql} from secret_version v where v.workspace_id = $1 and v.version_id = $2`,
    values: [workspaceId, versionId],
  });
  const row = firstOrUndefined(rows);
  return row && storedVersion.read(row);
}

// No version has the number 0.
function numberOf(
  secret: Pick<Secret, "currentVersion" | "versionAliases">,
  ref: Exclude<VersionRef, { by: "id" }>,
): number {
  if (ref.by === "number") return ref.versionNumber;
  if (ref.by === "latest") return secret.currentVersion;
  if (Object.hasOwn(secret.versionAliases, ref.alias)) return secret.versionAliases[ref.alias] as number;
  return ref.alias === currentAlias ? secret.currentVersion : 0;
}

const inserted = propertiesBut(
  versionTable,
  ...(["revision", "createTime", "destroyTime", "scheduledDestroyTime", "lastAccessedTime"] as const),
);

export type NewVersion = Pick<VersionRow, (typeof inserted)[number]>;

export const newVersions = write(versionTable, inserted);

export async function insertVersion(tx: Tx, version: NewVersion): Promise<SecretVersion> {
  const rows = await tx.query<DriverRow>({
    name: "insert_version",
    text: `${newVersions.insert()} returning ${storedVersion.sql}`,
    values: newVersions.values(version),
  });
  return storedVersion.read(only(rows));
}

/** Makes a version that was just inserted the current one, with the new MAC of the secret. */
export async function countNewVersion(
  tx: Tx,
  secret: Pick<StoredSecret, "workspaceId" | "secretId" | "currentVersion" | "versionCount" | "rowMac">,
): Promise<void> {
  await tx.query({
    name: "count_new_version",
    text: `update secret s set version_count = $3, enabled_version_count = s.enabled_version_count + 1,
        current_version = $4, row_mac = $5, revision = s.revision + 1, update_time = t.at,
        validate_after = case when s.validation_state is not null then t.at end
      from ${clock} where s.workspace_id = $1 and s.secret_id = $2`,
    values: [secret.workspaceId, secret.secretId, secret.versionCount, secret.currentVersion, secret.rowMac],
  });
}

/** Returns the newest enabled version of a secret and all newer ones, or all if none is enabled; newest first. */
export async function findNewestVersions(
  tx: Tx,
  { workspaceId, secretId }: Pick<StoredSecret, "workspaceId" | "secretId">,
): Promise<StoredVersion[]> {
  const rows = await tx.query<DriverRow>({
    name: "find_newest_versions",
    text: `select ${storedVersion.sql} from secret_version v
      where v.workspace_id = $1 and v.secret_id = $2 and v.version_number >= (
        select coalesce(max(e.version_number), 0) from secret_version e
        where e.workspace_id = $1 and e.secret_id = $2 and e.state = 'ENABLED'
      ) order by v.version_number desc`,
    values: [workspaceId, secretId],
  });
  return rows.map(storedVersion.read);
}

/** Sets the secret's current version with its new MAC, counts its enabled versions, and increments the revision. */
export async function setCurrentVersion(
  tx: Tx,
  secret: Pick<StoredSecret, "workspaceId" | "secretId" | "currentVersion" | "rowMac">,
): Promise<void> {
  await tx.query({
    name: "set_current_version",
    text: `update secret s set
        enabled_version_count = (
          select count(*) from secret_version v where v.workspace_id = $1 and v.secret_id = $2 and v.state = 'ENABLED'
        ),
        current_version = $3, row_mac = $4, revision = s.revision + 1, update_time = t.at,
        validate_after = case
          when $3 = s.current_version then s.validate_after
          when s.validation_state is not null then t.at end
      from ${clock} where s.workspace_id = $1 and s.secret_id = $2`,
    values: [secret.workspaceId, secret.secretId, secret.currentVersion, secret.rowMac],
  });
}

/**
 * Sets the state and increments the revision. A destroyed version loses its envelope and wrapped key. The version is scheduled for
 * destruction in `destroyAfterMs` by the database's clock, or not at all.
 */
export async function setVersionState(
  tx: Tx,
  version: Pick<SecretVersion, "workspaceId" | "secretId" | "versionNumber" | "state"> & { mac: Uint8Array },
  destroyAfterMs: number | undefined,
): Promise<SecretVersion> {
  const rows = await tx.query<DriverRow>({
    name: "set_version_state",
    text: `update secret_version v set
        state = $4, mac = $5, revision = v.revision + 1,
        envelope = case when $4 = 'DESTROYED' then null else v.envelope end,
        destroy_time = case when $4 = 'DESTROYED' then t.at else v.destroy_time end,
        scheduled_destroy_time = t.at + make_interval(secs => $6::float8 / 1000)
      from ${clock} where v.workspace_id = $1 and v.secret_id = $2 and v.version_number = $3
      returning ${storedVersion.sql}`,
    values: [
      version.workspaceId,
      version.secretId,
      version.versionNumber,
      version.state,
      version.mac,
      destroyAfterMs ?? null,
    ],
  });
  return storedVersion.read(only(rows));
}

/** Returns the next `limit` versions below `belowNumber`, newest first. */
export async function listVersions(
  sql: Sql,
  secret: Pick<Secret, "workspaceId" | "secretId">,
  query: { states: readonly VersionState[]; belowNumber: number; limit: number },
): Promise<SecretVersion[]> {
  const rows = await sql.query<DriverRow>({
    name: "list_versions",
    text: `select ${storedVersion.sql} from secret_version v
      where v.workspace_id = $1 and v.secret_id = $2 and v.version_number < $3 and v.state = any ($4)
      order by v.version_number desc limit $5`,
    values: [secret.workspaceId, secret.secretId, query.belowNumber, query.states, query.limit],
  });
  return rows.map(storedVersion.read);
}
