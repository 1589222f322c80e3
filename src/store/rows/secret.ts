// The row of a secret. Three MACs cover it: who gets which value, where its credential is sent, and where its value may go.
import { type AccessPolicy, readPolicyText } from "../../domain/access/access-policy.ts";
import type { ValidationState } from "../../domain/credential/validation.ts";
import type { EgressRule } from "../../domain/egress/egress-rule.ts";
import type { Secret, SecretState } from "../../domain/secret/secret.ts";
import {
  boolean,
  type ColumnType,
  integer,
  json,
  macBytes,
  mostly,
  oneOf,
  optional,
  sortedTexts,
  text,
  time,
} from "./column-types.ts";
import { readComposite } from "./composite.ts";
import { type ArrayRow, type DriverRow, type SelectOptions, select } from "./select.ts";
import {
  type CoveredRow,
  covered,
  coveredProperties,
  coveredSince,
  mac,
  propertiesBut,
  type RowOf,
  table,
  uncovered,
} from "./table.ts";

const textOrEmpty = mostly(text, "''", "");

function objectOrEmpty<T>(type: ColumnType<Record<string, T>>): ColumnType<Record<string, T>> {
  return mostly(type, "'{}'", Object.freeze({}));
}

export const secretTable = table(
  "secret",
  "s",
  {
    row_mac: { name: "secret", version: 3 },
    credential_mac: { name: "secret_credential", version: 1 },
    egress_mac: { name: "secret_egress", version: 1 },
  },
  {
    workspaceId: covered("workspace_id", text, "row_mac", "credential_mac", "egress_mac"),
    secretId: covered("secret_id", text, "row_mac", "credential_mac", "egress_mac"),
    region: covered("region", text, "row_mac"),
    name: covered("name", text, "row_mac"),
    path: covered("path", text, "row_mac"),
    /** ACTIVE until the expiry is stored. */
    storedState: covered("state", oneOf<SecretState>(), "row_mac"),
    expireTime: covered("expire_time", optional(time), "row_mac"),
    currentVersion: covered("current_version", integer, "row_mac"),
    versionCount: covered("version_count", integer, "row_mac"),
    versionAliases: covered("version_aliases", objectOrEmpty<number>(json()), "row_mac"),
    kmsKeyId: covered("kms_key_id", text, "row_mac"),
    revealable: covered("revealable", boolean, "row_mac"),
    /** The text that `policyText` writes; undefined: no policy. */
    accessPolicyText: covered("access_policy", optional(text), "row_mac"),
    /** Empty for a row that coffer did not write: such a row does not authenticate. */
    rowMac: mac("row_mac"),
    kind: covered("kind", text, "credential_mac"),
    authMethod: coveredSince(2, "auth_method", textOrEmpty, "credential_mac"),
    credentialFields: covered("credential_fields", objectOrEmpty(sortedTexts), "credential_mac"),
    /** Undefined for kinds that are not credentials. */
    credentialMac: uncovered("mac", "credential_mac", optional(macBytes)),
    /** Undefined: its value may be sent nowhere. */
    egress: covered("egress_rule", optional(json<EgressRule>()), "egress_mac"),
    egressMac: uncovered("mac", "egress_mac", optional(macBytes)),
    description: uncovered("shown", "description", textOrEmpty),
    labels: uncovered("shown", "labels", objectOrEmpty<string>(json())),
    annotations: uncovered("shown", "annotations", objectOrEmpty<string>(json())),
    mimeType: uncovered("shown", "mime_type", textOrEmpty),
    enabledVersionCount: uncovered("shown", "enabled_version_count", integer),
    revision: uncovered("etag", "revision", integer),
    createTime: uncovered("shown", "create_time", time),
    updateTime: uncovered("shown", "update_time", time),
    deleteTime: uncovered("shown", "delete_time", optional(time)),
    purgeTime: uncovered("schedule", "purge_time", optional(time)),
    lastAccessedTime: uncovered("shown", "last_accessed_time", optional(time)),
    lastUsedTime: uncovered("shown", "last_used_time", optional(time)),
    createdBy: uncovered("shown", "created_by", optional(text)),
    /** Undefined for kinds that are not credentials. */
    validationState: uncovered("validation", "validation_state", optional(oneOf<ValidationState>())),
    validateTime: uncovered("validation", "validate_time", optional(time)),
    validationError: uncovered("validation", "validation_error", text),
  },
  {
    validation_version: "validation",
    validation_failures: "validation",
    validate_after: "validation",
    validation_lease: "validation",
    mac: "legacy",
  },
);

export type SecretRow = RowOf<typeof secretTable.columns>;

/** A secret with the other columns that its row's MAC covers. Check that MAC before you use it for a decision. */
export interface StoredSecret extends Secret, Omit<SecretGuard, keyof Secret> {}

/** The columns that decide who gets which value of a secret, and their MAC. */
export type SecretGuard = CoveredSecret & Pick<SecretRow, "rowMac">;

/** The columns that the row's MAC covers. */
export type CoveredSecret = CoveredRow<typeof secretTable.columns, "row_mac">;

const guardProperties = [...coveredProperties(secretTable, "row_mac"), "rowMac" as const];

/** Selects a SecretGuard from `secret s`, for statements that join other tables. */
export function selectGuard(options?: SelectOptions) {
  return select(secretTable, guardProperties, options);
}

function isActiveAt(time: string): string {
  return `(s.state = 'ACTIVE' and (s.expire_time is null or s.expire_time > ${time}))`;
}

/** A secret in use, for statements that wait for no lock. */
export const isActive = isActiveAt("now()");

/** A secret in use at the time `t.at`. */
export const isActiveByClock = isActiveAt("t.at");

/** The columns of `secret s` that make a StoredSecret, for statements that wait for no lock. */
export const secretColumns = storedSecretAt("now()").sql;

/** The columns of `secret s` that make a StoredSecret at the time `t.at`. */
export const secretColumnsByClock = storedSecretAt("t.at").sql;

/** The same without annotations, which may be 16 KiB each. */
export const secretColumnsWithoutAnnotations = storedSecretAt("now()", { annotations: "null" }).sql;

const stored = storedSecretAt("now()");
const positions = stored.expressions.map((_, index) => index);
const stateIndex = positions.length;

/** The number of columns of each of these select lists. */
export const secretColumnsCount = stateIndex + 4;

/** Reads a row of any of these select lists. */
export function toSecret(row: DriverRow): StoredSecret {
  const validation = [row["validation_state"], row["validate_time"], row["validation_error"]] as TriedColumns;
  return withComputed(stored.read(row), row["current_state"] as SecretState | null, validation);
}

/** Reads a row in array mode that begins with any of these select lists. */
export function toSecretAt(row: ArrayRow): StoredSecret {
  const validation = [row[stateIndex + 1], row[stateIndex + 2], row[stateIndex + 3]] as TriedColumns;
  return withComputed(stored.readAt(row, positions), row[stateIndex] as SecretState | null, validation);
}

/** The columns of `secret s` as one text. Equal texts are equal secrets. */
export const secretText = stored.text;

const textTypes = [...stored.sqlTypes, "text", "text", "timestamptz", "text"];

export function toSecretOfText(text: string): StoredSecret {
  return toSecretAt(readComposite(text, textTypes));
}

type TriedColumns = [state: ValidationState | null, validateTime: Date | null, error: string | null];

/** Adds to the row itself: a copy of so many properties is slow. */
function withComputed(
  secret: ReturnType<typeof stored.read>,
  /** Null: the stored one. */
  currentState: SecretState | null,
  [validationState, validateTime, error]: TriedColumns,
): StoredSecret {
  const validation =
    validationState === null
      ? undefined
      : { state: validationState, validateTime: validateTime ?? undefined, error: error ?? "" };
  const state = currentState ?? secret.storedState;
  return Object.assign(secret, { state, accessPolicy: policyOf(secret.accessPolicyText), validation });
}

const denyAll: AccessPolicy = {
  conditions: [],
  statements: [{ effect: "deny", actions: undefined, principals: undefined, principalIds: [] }],
};

/** A text that SQL has broken denies everything. It must not fail a whole list: the list omits the row, because its MAC does not authenticate. */
function policyOf(text: string | undefined): AccessPolicy | undefined {
  try {
    return readPolicyText(text);
  } catch {
    return denyAll;
  }
}

function storedSecretAt(time: string, expressions: Readonly<Record<string, string>> = {}) {
  // An active secret counts as deleted after its expire_time, by the database's clock, even before a job stores that.
  const isExpired = `(s.state = 'ACTIVE' and s.expire_time <= ${time})`;
  // The result of a try counts only for the version that was tried.
  const isTried = "s.validation_version = s.current_version";
  const properties = propertiesBut(
    secretTable,
    ...(["credentialMac", "egressMac", "validationState", "validateTime", "validationError"] as const),
  );
  const declared = select(secretTable, properties, {
    expressions: {
      delete_time: `case when ${isExpired} then s.expire_time else s.delete_time end`,
      purge_time: `case when ${isExpired} then s.expire_time + (
        select make_interval(days => w.purge_retention_days) from workspace w where w.workspace_id = s.workspace_id
      ) else s.purge_time end`,
      ...expressions,
    },
    added: ["state", "accessPolicy", "validation"],
  });
  const computed = [
    ["current_state", `case when ${isExpired} then 'SOFT_DELETED' end`],
    [
      "validation_state",
      `case when ${isTried} then s.validation_state when s.validation_state is not null then 'UNSPECIFIED' end`,
    ],
    ["validate_time", `case when ${isTried} then s.validate_time end`],
    ["validation_error", `case when ${isTried} then s.validation_error end`],
  ] as const;
  return {
    ...declared,
    sql: [declared.sql, ...computed.map(([name, expression]) => `${expression} as ${name}`)].join(", "),
    /** The same columns as one text. */
    text: `row(${[...declared.expressions, ...computed.map(([, expression]) => expression)].join(", ")})::text`,
  };
}

/** SQL that locks the rows of `secret s` that `condition` selects, and then reads them, with the time after the wait as `t.at`. */
export function lockedText(columns: string, condition: string): string {
  // Postgres may compute the columns of a row before it waits for the row's lock, so the time is read outside.
  return `with locked as materialized (select s.* from secret s where ${condition})
    select ${columns} from locked s cross join lateral (select clock_timestamp() as at where s.secret_id is not null) t`;
}
