// What the root keys wrap: the deployment key and the material of key versions.
import type { Sql, Tx } from "./database.ts";
import type { DeploymentRecord } from "./deployment.ts";
import type { WrappedKeyVersion } from "./kms-keys.ts";
import { only } from "./rows.ts";

/** How many wraps each root key has. Keys without any are left out. */
export async function countRootWraps(sql: Sql): Promise<Map<string, number>> {
  const rows = await sql.query<{ root_key_id: string; count: number }>({
    name: "count_root_wraps",
    text: `select w.root_key_id, count(*)::integer as count
      from (select root_key_id from deployment union all select root_key_id from kms_key_version) w group by w.root_key_id`,
    values: [],
  });
  return new Map(rows.map((row) => [row.root_key_id, row.count]));
}

/** The deployment, locked. */
export async function lockDeployment(tx: Tx): Promise<DeploymentRecord> {
  const rows = await tx.query<{ deployment_id: string; root_key_id: string; wrapped_key: Uint8Array }>({
    name: "lock_deployment",
    text: "select deployment_id, root_key_id, wrapped_key from deployment for update",
    values: [],
  });
  const row = only(rows);
  return { deploymentId: row.deployment_id, rootKeyId: row.root_key_id, wrappedKey: row.wrapped_key };
}

export async function replaceDeploymentWrap(tx: Tx, record: DeploymentRecord): Promise<void> {
  await tx.query({
    name: "replace_deployment_wrap",
    text: "update deployment set root_key_id = $2, wrapped_key = $3 where deployment_id = $1",
    values: [record.deploymentId, record.rootKeyId, record.wrappedKey],
  });
}

/** A key version with the algorithm that its wrap is bound to. */
export interface WrappedVersion extends WrappedKeyVersion {
  algorithm: string;
}

/** Locks the next `limit` key versions after `after`, by their key, that another root key than `rootKeyId` wraps. */
export async function lockVersionsOfOtherRoots(
  tx: Tx,
  rootKeyId: string,
  after: Pick<WrappedVersion, "workspaceId" | "kmsKeyId" | "version">,
  limit: number,
): Promise<WrappedVersion[]> {
  const rows = await tx.query<{
    workspace_id: string;
    kms_key_id: string;
    version: number;
    root_key_id: string;
    wrapped_key: Uint8Array;
    algorithm: string;
  }>({
    name: "lock_versions_of_other_roots",
    text: `select v.workspace_id, v.kms_key_id, v.version, v.root_key_id, v.wrapped_key, k.algorithm
      from kms_key_version v join kms_key k on k.workspace_id = v.workspace_id and k.kms_key_id = v.kms_key_id
      where v.root_key_id <> $1 and (v.workspace_id, v.kms_key_id, v.version) > ($2, $3, $4)
      order by v.workspace_id, v.kms_key_id, v.version limit $5 for update of v`,
    values: [rootKeyId, after.workspaceId, after.kmsKeyId, after.version, limit],
  });
  return rows.map((row) => ({
    workspaceId: row.workspace_id,
    kmsKeyId: row.kms_key_id,
    version: row.version,
    rootKeyId: row.root_key_id,
    wrappedKey: row.wrapped_key,
    algorithm: row.algorithm,
  }));
}

/** Replaces the wraps of key versions that are locked. */
export async function replaceVersionWraps(tx: Tx, versions: readonly WrappedKeyVersion[]): Promise<void> {
  await tx.query({
    name: "replace_version_wraps",
    text: `update kms_key_version v set root_key_id = w.root_key_id, wrapped_key = w.wrapped_key
      from unnest($1::text[], $2::text[], $3::integer[], $4::text[], $5::bytea[])
        as w (workspace_id, kms_key_id, version, root_key_id, wrapped_key)
      where v.workspace_id = w.workspace_id and v.kms_key_id = w.kms_key_id and v.version = w.version`,
    values: [
      versions.map(({ workspaceId }) => workspaceId),
      versions.map(({ kmsKeyId }) => kmsKeyId),
      versions.map(({ version }) => version),
      versions.map(({ rootKeyId }) => rootKeyId),
      versions.map(({ wrappedKey }) => Buffer.from(wrappedKey)),
    ],
  });
}
