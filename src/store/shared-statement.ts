// The parts of a statement that stores new versions for several calls: what each carries, and what it must not wait for.
import type { AuditEvent } from "../domain/audit/audit-event.ts";
import type { CallProgress } from "../domain/call-progress.ts";
import type { Statement } from "./database.ts";
import type { IdempotencyClaim } from "./idempotency.ts";
import { kmsKeyProperties, kmsKeyTable, type StoredKmsKey } from "./rows/kms-key.ts";
import { write } from "./rows/write.ts";
import type { NewVersion } from "./versions.ts";

/** A new version, which is no reference, and what is stored with it. */
export interface NewVersionRecords {
  version: NewVersion;
  /** The row of the key that sealed the version, as the process knows it. */
  key: StoredKmsKey;
  event: AuditEvent;
  claim: IdempotencyClaim | undefined;
  progress: CallProgress | undefined;
}

export type CreatedRow = [id: string, createTime: Date];

const lockTimeoutMs = 250;
const knownKey = write(kmsKeyTable, kmsKeyProperties).carry("k", {});

/** The envelope of a row `r` of `asked`. It comes in a parameter of its own, because json has no bytes. */
export const envelopeOfAsked = "substring($2::bytea from r.envelope_start for r.envelope_size)";

/** Returns the common table expressions up to `asked`, which has a row for each call whose key is as the process knows it. */
export function askedText(definitions: readonly string[], condition: string): string {
  return `patience as materialized (select set_config('lock_timeout', '${lockTimeoutMs}', true) as is_set),
    usable as materialized (
      select r.key_number from json_to_recordset($3::json) as r (key_number integer, ${knownKey.definitions})
      join kms_key k on k.workspace_id = ${knownKey.memberOf("workspace_id")} and k.kms_key_id = ${knownKey.memberOf("kms_key_id")}
      where ${knownKey.isSame}),
    asked as materialized (
      select r.* from patience p, json_to_recordset($1::json) as r
        (key_number integer, envelope_start integer, envelope_size integer, ${definitions.join(", ")})
      where p.is_set is not null and r.key_number in (select u.key_number from usable u) and ${condition})`;
}

/** Returns the parameters of a statement. `membersOf` returns the other members of a call's json object, each after a comma. */
export function askedValues<C extends NewVersionRecords>(
  calls: readonly C[],
  membersOf: (call: C) => string,
): Statement["values"] {
  const keys = [...new Set(calls.map(({ key }) => key))];
  const envelopes = calls.map(({ version: { envelope } }) => envelope ?? new Uint8Array());
  let start = 1;
  const items = calls.map((call, index) => {
    const size = envelopes[index]?.byteLength ?? 0;
    const head = `"key_number":${keys.indexOf(call.key)},"envelope_start":${start},"envelope_size":${size}`;
    start += size;
    return `{${head}${membersOf(call)}}`;
  });
  const known = keys.map((key, number) => `{"key_number":${number}${knownKey.membersOf(key)}}`);
  return [`[${items.join(",")}]`, Buffer.concat(envelopes), `[${known.join(",")}]`];
}

/** Returns the first of those calls that need the same. Two of them in one statement would fail all. */
export function withoutRivals<C extends NewVersionRecords>(
  calls: readonly C[],
  needOf: (call: C) => readonly string[],
): readonly C[] {
  if (calls.length === 1) return calls;
  const taken = new Set<string>();
  return calls.filter((call) => {
    const needs = [JSON.stringify(needOf(call)), ...(call.claim ? [JSON.stringify(call.claim.scope)] : [])];
    if (needs.some((need) => taken.has(need))) return false;
    for (const need of needs) taken.add(need);
    return true;
  });
}

/** Returns a condition: whether a value is in a column. */
export function isIn(expression: string, column: string, table: string): string {
  // "is true" makes Postgres build a hash table. It expects one row, and would otherwise compare every pair.
  return `(${expression} in (select ${column} from ${table})) is true`;
}
