// Finds, claims and finishes tries of credentials. None of this changes a secret's revision.
import type { ValidationState } from "../domain/credential/validation.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql } from "./database.ts";
import { isActive, secretTable } from "./rows/secret.ts";
import { type DriverRow, select } from "./rows/select.ts";

export interface SecretKey {
  workspaceId: string;
  secretId: string;
}

/** A claim to try a credential, with the secret at that moment. */
export interface ValidationClaim extends SecretKey {
  kind: string;
  authMethod: string;
  currentVersion: number;
  credentialFields: Record<string, string>;
  /** Undefined if the row was not written as a credential. */
  credentialMac: Uint8Array | undefined;
  /** The number of consecutive tries without a definite answer for this version. */
  failures: number;
  /** The claim ends at this time. It also identifies the claim. */
  lease: Date;
}

// The same conditions as the index, so that Postgres uses it.
const isToBeTried = "s.validate_after is not null and s.state = 'ACTIVE' and s.current_version > 0";
const isFree = "(s.validation_lease is null or s.validation_lease <= now())";

/** Returns whether any secret is due. Costs one index look-up. */
export async function isValidationDue(sql: Sql): Promise<boolean> {
  const rows = await sql.query<{ is_due: boolean }>({
    name: "is_validation_due",
    text: `select exists (
        select from secret s where ${isToBeTried} and s.validate_after <= now() and ${isFree} and ${isActive}
      ) as is_due`,
    values: [],
  });
  return only(rows).is_due;
}

/** Returns due secrets, the longest due first. */
export async function findValidationsDue(sql: Sql, limit: number): Promise<SecretKey[]> {
  const rows = await sql.query<{ workspace_id: string; secret_id: string }>({
    name: "find_validations_due",
    text: `select s.workspace_id, s.secret_id from secret s
      where ${isToBeTried} and s.validate_after <= now() and ${isFree} and ${isActive}
      order by s.validate_after limit $1`,
    values: [limit],
  });
  return rows.map((row) => ({ workspaceId: row.workspace_id, secretId: row.secret_id }));
}

const claimed = select(
  secretTable,
  ["workspaceId", "secretId", "kind", "authMethod", "currentVersion", "credentialFields", "credentialMac"],
  { alias: "c" },
);

/** Claims a secret for `leaseMs`. Returns undefined if it is claimed or, with `onlyIfDue`, not due. */
export async function claimValidation(
  sql: Sql,
  { workspaceId, secretId }: SecretKey,
  { leaseMs, onlyIfDue }: { leaseMs: number; onlyIfDue: boolean },
): Promise<ValidationClaim | undefined> {
  const rows = await sql.query<DriverRow & { failures: number; lease: Date }>({
    name: "claim_validation",
    // The lease identifies the claim, so it must not have more digits than a Date holds.
    text: `update secret c set validation_lease = date_trunc('milliseconds', now()) + make_interval(secs => $3::float8 / 1000)
      from (
        select s.workspace_id, s.secret_id from secret s
        where s.workspace_id = $1 and s.secret_id = $2 and s.validation_state is not null and s.current_version > 0
          and ${isActive} and ${isFree} and (not $4 or s.validate_after <= now())
        for update skip locked
      ) s
      where c.workspace_id = s.workspace_id and c.secret_id = s.secret_id
      returning ${claimed.sql}, c.validation_lease as lease,
        case when c.validation_version = c.current_version then c.validation_failures else 0 end as failures`,
    values: [workspaceId, secretId, leaseMs, onlyIfDue],
  });
  const row = firstOrUndefined(rows);
  return row && { ...claimed.read(row), failures: row.failures, lease: row.lease };
}

export interface ValidationResult {
  /** Undefined: the known state of this version stays. */
  state: Exclude<ValidationState, "UNSPECIFIED"> | undefined;
  error: string;
  failures: number;
  /** The time until the next try; undefined: after the current version changes. */
  nextAfterMs: number | undefined;
}

/** Stores the result of a claim and ends it. Returns false, and writes nothing, if the claim had ended before. */
export async function finishValidation(tx: Sql, claim: ValidationClaim, result: ValidationResult): Promise<boolean> {
  const rows = await tx.query({
    name: "finish_validation",
    text: `update secret s set
        validation_lease = null,
        validation_state = coalesce($5, case when s.validation_version = $4 then s.validation_state else 'UNSPECIFIED' end),
        validate_time = case
          when $5 is null and s.validation_version = $4 and s.validation_state <> 'UNSPECIFIED' then s.validate_time
          else now() end,
        validation_version = $4, validation_error = $6, validation_failures = $7,
        validate_after = case
          when s.current_version <> $4 then s.validate_after
          else now() + make_interval(secs => $8::float8 / 1000) end
      where s.workspace_id = $1 and s.secret_id = $2 and s.validation_lease = $3
      returning s.secret_id`,
    values: [
      claim.workspaceId,
      claim.secretId,
      claim.lease,
      claim.currentVersion,
      result.state ?? null,
      result.error,
      result.failures,
      result.nextAfterMs ?? null,
    ],
  });
  return rows.length > 0;
}

/** Ends a claim without a result. */
export async function releaseValidation(sql: Sql, claim: ValidationClaim): Promise<void> {
  await sql.query({
    name: "release_validation",
    text: `update secret s set validation_lease = null
      where s.workspace_id = $1 and s.secret_id = $2 and s.validation_lease = $3`,
    values: [claim.workspaceId, claim.secretId, claim.lease],
  });
}
