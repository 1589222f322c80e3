// Secrets: lock, insert and change their rows.

import { clock } from "./clock.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Tx } from "./database.ts";
import type { TimedSecret } from "./find-secrets.ts";
import {
  lockedText,
  type SecretRow,
  type StoredSecret,
  secretColumns,
  secretColumnsByClock,
  secretTable,
  toSecret,
} from "./rows/secret.ts";
import type { DriverRow } from "./rows/select.ts";
import { propertiesBut } from "./rows/table.ts";
import { type Writing, write } from "./rows/write.ts";

/** Locks the row until the transaction ends. */
export async function lockSecret(tx: Tx, workspaceId: string, secretId: string): Promise<TimedSecret | undefined> {
  const rows = await tx.query<DriverRow & { read_time: Date }>({
    name: "lock_secret",
    text: lockedText(
      `${secretColumnsByClock}, t.at as read_time`,
      "s.workspace_id = $1 and s.secret_id = $2 for update of s",
    ),
    values: [workspaceId, secretId],
  });
  const row = firstOrUndefined(rows);
  return row && { ...toSecret(row), readTime: row.read_time };
}

const inserted = propertiesBut(
  secretTable,
  ...(["revision", "updateTime", "deleteTime", "purgeTime", "lastAccessedTime", "lastUsedTime"] as const),
  ...(["validationState", "validateTime", "validationError"] as const),
);

/** A secret with its first version. `createTime` is undefined unless the expire time was computed from it. */
export type NewSecret = Omit<Pick<SecretRow, (typeof inserted)[number]>, "createTime"> & {
  createTime: Date | undefined;
};

export const newSecrets: Writing<NewSecret> = write(secretTable, inserted, {
  expressions: { create_time: "coalesce(?, now())" },
  // A credential becomes due for a try at its service.
  further: {
    validation_state: "case when ?credential_mac is not null then 'UNSPECIFIED' end",
    validate_after: "case when ?credential_mac is not null then now() end",
  },
});

/** Inserts a secret that has its first version; a taken path violates `secret_active_path`. */
export async function insertSecret(tx: Tx, secret: NewSecret): Promise<StoredSecret> {
  const rows = await tx.query<DriverRow>({
    name: "insert_secret",
    text: `${newSecrets.insert()} returning ${secretColumns}`,
    values: newSecrets.values(secret),
  });
  return toSecret(only(rows));
}

const updated = write(secretTable, [
  ...(["name", "path", "description", "labels", "annotations", "mimeType"] as const),
  ...(["versionAliases", "expireTime", "rowMac"] as const),
]);

/** Updates the description, path, aliases and expire time of a secret with their MAC, and increments the revision. */
export async function updateSecret(tx: Tx, secret: StoredSecret): Promise<StoredSecret> {
  const rows = await tx.query<DriverRow>({
    name: "update_secret",
    text: `update secret s set
        ${updated.assign(3)}, revision = s.revision + 1, update_time = t.at
      from ${clock} where s.workspace_id = $1 and s.secret_id = $2
      returning ${secretColumnsByClock}`,
    values: [secret.workspaceId, secret.secretId, ...updated.values(secret)],
  });
  return toSecret(only(rows));
}

/**
 * Soft-deletes a locked secret. It is purged after the workspace's retention, or at once if its versions are destroyed: then its
 * purge_time is its delete_time, so that it can never be undeleted.
 */
export async function softDeleteSecret(
  tx: Tx,
  secret: Pick<StoredSecret, "workspaceId" | "secretId" | "currentVersion" | "rowMac">,
  options: { purgeAtOnce: boolean },
): Promise<StoredSecret> {
  const rows = await tx.query<DriverRow>({
    name: "soft_delete_secret",
    text: `update secret s set
        state = 'SOFT_DELETED', delete_time = coalesce(s.delete_time, t.at),
        purge_time = case when $3 then coalesce(s.delete_time, t.at) else t.at + (
          select make_interval(days => w.purge_retention_days) from workspace w where w.workspace_id = $1
        ) end,
        enabled_version_count = case when $3 then 0 else s.enabled_version_count end, current_version = $4, row_mac = $5,
        revision = s.revision + 1, update_time = t.at
      from ${clock} where s.workspace_id = $1 and s.secret_id = $2
      returning ${secretColumnsByClock}`,
    values: [secret.workspaceId, secret.secretId, options.purgeAtOnce, secret.currentVersion, secret.rowMac],
  });
  return toSecret(only(rows));
}

const undeleted = write(secretTable, ["storedState", "name", "path", "expireTime", "rowMac"]);

/** Makes a locked secret active again with its name, path and expire_time, and increments the revision. */
export async function undeleteSecret(
  tx: Tx,
  secret: Pick<StoredSecret, "workspaceId" | "secretId" | "storedState" | "name" | "path" | "expireTime" | "rowMac">,
): Promise<StoredSecret> {
  const rows = await tx.query<DriverRow>({
    name: "undelete_secret",
    text: `update secret s set
        ${undeleted.assign(3)}, delete_time = null, purge_time = null,
        revision = s.revision + 1, update_time = t.at
      from ${clock} where s.workspace_id = $1 and s.secret_id = $2
      returning ${secretColumnsByClock}`,
    values: [secret.workspaceId, secret.secretId, ...undeleted.values(secret)],
  });
  return toSecret(only(rows));
}
