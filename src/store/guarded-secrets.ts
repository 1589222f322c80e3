// Secrets with what it takes to judge whether their values may be written: the MAC, the access policy as stored, and the time.
import type { Secret, SecretRef } from "../domain/secret.ts";
import { pathOf } from "../domain/secret-name.ts";
import type { Sql, Tx } from "./database.ts";
import {
  clock,
  firstOrUndefined,
  isActive,
  lockedText,
  only,
  type SecretRow,
  secretColumns,
  secretColumnsByClock,
  toSecret,
} from "./rows.ts";

export interface GuardedSecret {
  secret: Secret;
  mac: Uint8Array;
  /** Undefined: none. */
  accessPolicyText: string | undefined;
  /** By the database's clock. */
  now: Date;
}

interface GuardedRow extends SecretRow {
  mac: Uint8Array;
  now: Date;
}

const guardedColumns = `${secretColumns}, s.mac, now() as now`;

/** By id in any state until it is purged, by name only while active. */
export async function findGuardedSecret(
  sql: Sql,
  workspaceId: string,
  ref: SecretRef,
): Promise<GuardedSecret | undefined> {
  const rows =
    ref.by === "id"
      ? await sql.query<GuardedRow>({
          name: "find_guarded_secret_by_id",
          text: `select ${guardedColumns} from secret s where s.workspace_id = $1 and s.secret_id = $2`,
          values: [workspaceId, ref.secretId],
        })
      : await sql.query<GuardedRow>({
          name: "find_guarded_secret_by_path",
          text: `select ${guardedColumns} from secret s
            where s.workspace_id = $1 and s.region = $2 and s.path = $3 and ${isActive}`,
          values: [workspaceId, ref.region, pathOf(ref.name)],
        });
  const row = firstOrUndefined(rows);
  return row && toGuarded(row);
}

/** Holds the row until the transaction ends. */
export async function lockGuardedSecret(
  tx: Tx,
  workspaceId: string,
  secretId: string,
): Promise<GuardedSecret | undefined> {
  const rows = await tx.query<GuardedRow>({
    name: "lock_guarded_secret",
    text: lockedText(
      `${secretColumnsByClock}, s.mac, t.at as now`,
      "s.workspace_id = $1 and s.secret_id = $2 for update of s",
    ),
    values: [workspaceId, secretId],
  });
  const row = firstOrUndefined(rows);
  return row && toGuarded(row);
}

/** Sets or clears the policy under a MAC that covers it, and counts the change. */
export async function updateAccessPolicy(
  tx: Tx,
  { workspaceId, secretId }: Pick<Secret, "workspaceId" | "secretId">,
  { accessPolicyText, mac }: Pick<GuardedSecret, "accessPolicyText" | "mac">,
): Promise<Secret> {
  const rows = await tx.query<SecretRow>({
    name: "update_access_policy",
    text: `update secret s set access_policy = $3, mac = $4, revision = s.revision + 1, update_time = t.at
      from ${clock} where s.workspace_id = $1 and s.secret_id = $2
      returning ${secretColumnsByClock}`,
    values: [workspaceId, secretId, accessPolicyText ?? null, mac],
  });
  return toSecret(only(rows));
}

function toGuarded(row: GuardedRow): GuardedSecret {
  return { secret: toSecret(row), mac: row.mac, accessPolicyText: row.access_policy ?? undefined, now: row.now };
}
