// Every column of the database is under a MAC, or is listed here with the reason why it needs none.
import { describe, expect, it } from "vitest";
import { everyGuard } from "../../src/integrity/covering.ts";
// Declare the guards.
import "../../src/integrity/audit-chain.ts";
import "../../src/integrity/row-macs.ts";
import { useCoffer } from "../support/coffer.ts";

const coffer = useCoffer();

const isMac = "holds a MAC";
const isShown = "is only shown";
const isTime = "is only shown: nothing is judged by it";
const isEtag = "counts changes: it is the etag, and what a caller overwrites is its own loss";
const isSealed = "is authenticated encryption, bound to the row's ids";
const isBound = "is part of what the ciphertext is bound to: changed, it does not open";
const isWhen = "decides when a job takes something away; an earlier row put back, MAC and all, would do as much";
const isJobs = "tells a job where it is";
const isValidation = "tells what came of trying the credential, and when it is tried next; where it is sent has a MAC";

/** Why a column needs no MAC. Tables of events give no access; what befalls them the chain of the audit trail tells. */
const exempt: Readonly<Record<string, Readonly<Record<string, string>> | string>> = {
  schema_migration: "says which migrations were applied",
  deployment: {
    singleton: "has one value",
    deployment_id: isBound,
    root_key_id: "names the root key, and with another one the wrap does not open",
    wrapped_key: isSealed,
    create_time: isTime,
  },
  workspace: {
    display_name: isShown,
    tier: "limits how many secrets there are, not who gets them",
    purge_retention_days: isWhen,
    access_revision: "says that rules may have changed; every instance also hears of each change by a notification",
    revision: isEtag,
    create_time: isTime,
    update_time: isTime,
    mac: isMac,
  },
  principal: {
    kind: isShown,
    create_time: isTime,
    mac: isMac,
  },
  workspace_member: { create_time: isTime, mac: isMac },
  api_token: {
    display_name: isShown,
    prefix: isShown,
    revision: isEtag,
    create_time: isTime,
    last_used_time: isTime,
    mac: isMac,
  },
  access_rule: { source_secret_id: isWhen, note: isShown, create_time: isTime, mac: isMac },
  kms_key: {
    description: isShown,
    annotations: isShown,
    imported: isShown,
    rotation_allowed: "decides whether the key may have new versions, not who uses it",
    labels: isShown,
    revision: isEtag,
    create_time: isTime,
    update_time: isTime,
    rotate_time: isWhen,
    rotation_period_days: isWhen,
    next_rotate_time: isWhen,
    scheduled_destroy_time: isWhen,
    destroy_time: isTime,
    rewrap_after: isJobs,
    rewrap_pass_time: isJobs,
    rewrap_secret_id: isJobs,
    rewrap_version_number: isJobs,
    rewrap_retry_ms: isJobs,
    mac: isMac,
  },
  kms_key_version: {
    workspace_id: isBound,
    kms_key_id: isBound,
    version: isBound,
    root_key_id: "names the root key, and with another one the wrap does not open",
    wrapped_key: isSealed,
    create_time: isTime,
  },
  import_wrapping_key: {
    workspace_id: isBound,
    region: isBound,
    root_key_id: "names the root key, and with another one the wrap does not open",
    wrapped_key: isSealed,
    create_time: isTime,
  },
  secret: {
    description: isShown,
    labels: isShown,
    annotations: isShown,
    mime_type: isShown,
    enabled_version_count: isShown,
    revision: isEtag,
    create_time: isTime,
    update_time: isTime,
    delete_time: isTime,
    purge_time: isWhen,
    last_accessed_time: isTime,
    last_used_time: isTime,
    created_by: isShown,
    validation_state: isValidation,
    validation_version: isValidation,
    validation_error: isValidation,
    validate_time: isValidation,
    validation_failures: isValidation,
    validate_after: isValidation,
    validation_lease: isValidation,
    mac: "is read by instances of an earlier version alone",
    row_mac: isMac,
    credential_mac: isMac,
    egress_mac: isMac,
  },
  secret_version: {
    comment: isShown,
    revision: isEtag,
    payload_form: isBound,
    envelope: isSealed,
    kms_key_id: isBound,
    kms_key_version: isBound,
    create_time: isTime,
    destroy_time: isTime,
    scheduled_destroy_time: isWhen,
    last_accessed_time: isTime,
    mac: isMac,
  },
  vault_connection: {
    name: isShown,
    description: isShown,
    envelope: isSealed,
    kms_key_version: isBound,
    last_verified_time: isTime,
    revision: isEtag,
    created_by: isShown,
    create_time: isTime,
    update_time: isTime,
    mac: isMac,
  },
  sandbox: {
    name: isShown,
    metadata: isShown,
    env_keys: "says which names are taken; the variables themselves are sealed",
    env_envelope: isSealed,
    env_kms_key_id: isBound,
    env_kms_key_version: isBound,
    create_time: isTime,
    delete_time: "takes the MAC with it: taken back, nothing authenticates",
    mac: isMac,
  },
  sandbox_binding: {
    create_time: isTime,
    revoke_time: "takes the MAC with it: taken back, nothing authenticates",
    mac: isMac,
  },
  egress_ca: { envelope: isSealed, create_time: isTime, mac: isMac },
  idempotency: "says what an earlier call made; a replay authorizes the caller anew, and shows no value",
  egress_event: "is read by people, and decides nothing",
  // By the chain of its seals.
  audit_event: {},
  audit_seal: { mac: isMac },
  audit_horizon: "tells a job where it is; what it leaves out, `coffer audit verify` counts",
  audit_cut: { singleton: "has one value", mac: isMac },
};

describe("the columns of every table", () => {
  it("are each covered by a MAC, or exempt for a reason, and none of both", async () => {
    const rows = await coffer.sql(
      `select c.relname as table, a.attname as column from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
        order by 1, a.attnum`,
    );
    const covered = new Set(everyGuard().flatMap(({ table, covers }) => covers.map((column) => `${table}.${column}`)));
    const problems = rows.flatMap(({ table, column }) => {
      const reasons = exempt[String(table)];
      const isExempt = typeof reasons === "string" || reasons?.[String(column)] !== undefined;
      const isCovered = covered.has(`${table}.${column}`);
      if (isExempt !== isCovered) return [];
      return [`${table}.${column} ${isCovered ? "is exempt, and covered" : "is neither covered nor exempt"}`];
    });
    expect(problems).toEqual([]);
  });

  it("are all there: no guard and no reason names a column that is none", async () => {
    const rows = await coffer.sql(
      "select table_name || '.' || column_name as name from information_schema.columns where table_schema = 'public'",
    );
    const real = new Set(rows.map(({ name }) => name));
    const named = [
      ...everyGuard().flatMap(({ table, column, covers }) => [column, ...covers].map((each) => `${table}.${each}`)),
      ...Object.entries(exempt).flatMap(([table, reasons]) =>
        typeof reasons === "string" ? [] : Object.keys(reasons).map((column) => `${table}.${column}`),
      ),
    ];
    expect(named.filter((name) => !real.has(name))).toEqual([]);
  });
});
