// Reads versions with their ciphertext, many in one statement. It also writes the audit events of those whose value may leave.

import type { Grant } from "../domain/access/grant.ts";
import type { AuditEvent } from "../domain/audit/audit-event.ts";
import { assertNever } from "../domain/error/errors.ts";
import type { SecretRef } from "../domain/secret/secret.ts";
import { currentAlias, type VersionRef } from "../domain/secret/version.ts";
import { pathOf } from "../domain/secret-name.ts";
import { insertEventsFrom } from "./audit-events.ts";
import type { Sql } from "./database.ts";
import { readComposite } from "./rows/composite.ts";
import { kmsKeyProperties, kmsKeyTable, type StoredKmsKey } from "./rows/kms-key.ts";
import { isActive, type SecretGuard, selectGuard } from "./rows/secret.ts";
import { type VersionRow, versionTable } from "./rows/secret-version.ts";
import { select } from "./rows/select.ts";
import { textArray } from "./rows/text-array.ts";

/** A request for one value. */
export interface ValueAsk {
  grant: Grant<"versions.access">;
  secret: SecretRef;
  version: VersionRef;
  /** Written when the value may leave; the statement adds the secret and the version's number. */
  event: AuditEvent;
}

export const sealedVersionProperties = [
  ...(["versionId", "versionNumber", "state", "vaultConnectionId"] as const),
  ...(["payloadForm", "envelope", "kmsKeyId", "kmsKeyVersion", "mac"] as const),
] as const;

/** An active secret with the version that was asked for, its ciphertext, and what is needed to check and open it. */
export interface SealedVersion {
  secret: SecretGuard;
  /** By the database's clock; undefined when there is no access policy to check. */
  policyTime: Date | undefined;
  /** Undefined when the secret has no such version. */
  version: Pick<VersionRow, (typeof sealedVersionProperties)[number]> | undefined;
  key: StoredKmsKey | undefined;
  /** The audit event is durable. It never is for a secret with an access policy: record it after the policy was checked. */
  isRecorded: boolean;
}

/** A SealedVersion whose columns are still one text, because a process that has verified the same text needs none of them. */
export interface UnreadVersion {
  /** Every column that decides whether the value may leave, and the MACs. Equal texts are equal rows. */
  facts: string;
  envelope: Buffer | null;
  policyTime: Date | null;
  isRecorded: boolean;
}

/** Returns results in the order of the asks; undefined where there is no such active secret. */
export async function readUnreadVersions(sql: Sql, asks: readonly ValueAsk[]): Promise<(UnreadVersion | undefined)[]> {
  const [first] = asks;
  if (first && asks.every((ask) => shapeOf(ask) === shapeOf(first))) return readShape(sql, asks);
  const results: (UnreadVersion | undefined)[] = new Array(asks.length).fill(undefined);
  const shapes = Map.groupBy(asks.keys(), (index) => shapeOf(asks[index] as ValueAsk));
  await Promise.all(
    [...shapes.values()].map(async (indexes) => {
      const found = await readShape(
        sql,
        indexes.map((index) => asks[index] as ValueAsk),
      );
      for (const [at, index] of indexes.entries()) results[index] = found[at];
    }),
  );
  return results;
}

type Row = readonly [
  facts: string,
  envelope: Buffer | null,
  isRecorded: boolean,
  policyTime: Date | null,
  ordinal: number,
];

// Each way to name a secret and a version has its own statement, which Postgres plans once.
type Shape = `${SecretRef["by"]}_${VersionRef["by"]}`;

function shapeOf({ secret, version }: ValueAsk): Shape {
  return `${secret.by}_${version.by}`;
}

const guard = selectGuard();
// The envelope is large and a column of its own.
const version = select(versionTable, sealedVersionProperties, { expressions: { envelope: "null::bytea" } });
const key = select(kmsKeyTable, kmsKeyProperties, {
  expressions: { workspace_id: "s.workspace_id", kms_key_id: "v.kms_key_id" },
});

// The text has each expression once; each part of a row knows the indexes of its own.
const sqlTypeOf = new Map(
  [guard, version, key].flatMap((part) =>
    part.expressions.map((expression, index) => [expression, part.sqlTypes[index] as string] as const),
  ),
);
const expressions = [...sqlTypeOf.keys()];
const sqlTypes = [...sqlTypeOf.values()];
const indexesOf = (part: { expressions: readonly string[] }) =>
  part.expressions.map((each) => expressions.indexOf(each));
const guardIndexes = indexesOf(guard);
const versionIndexes = indexesOf(version);
const keyIndexes = indexesOf(key);
const versionNumberIndex = expressions.indexOf("v.version_number");
const keyStateIndex = expressions.indexOf("k.state");

/** Returns results in the order of the asks, which have one shape. */
async function readShape(sql: Sql, asks: readonly ValueAsk[]): Promise<(UnreadVersion | undefined)[]> {
  const [first] = asks as readonly [ValueAsk, ...ValueAsk[]];
  const shape = shapeOf(first);
  // A single ask needs no lists.
  const isAlone = asks.length === 1;
  const name = isAlone ? `read_sealed_version_${shape}` : `read_sealed_versions_${shape}`;
  let text = texts.get(name);
  if (text === undefined) {
    text = textOf(first, isAlone ? askedAlone : askedTogether);
    texts.set(name, text);
  }
  const values = isAlone ? [...perAsk(first), ...perAsker(first)] : columnsOf(asks);
  const rows = await sql.query<Row>({ name, rowMode: "array", text, values });
  const results: (UnreadVersion | undefined)[] = new Array(asks.length).fill(undefined);
  for (const [facts, envelope, isRecorded, policyTime, ordinal] of rows) {
    results[ordinal - 1] = { facts, envelope, policyTime, isRecorded };
  }
  return results;
}

/** By the names of their statements. */
const texts = new Map<string, string>();

function textOf({ secret, version: { by } }: ValueAsk, asked: string): string {
  return `with asked as (
        ${asked}
      ), found as materialized (
        select a.*, s.secret_id, v.version_number, v.envelope, s.access_policy is not null as has_policy,
          row(${expressions.join(", ")})::text as facts,
          coalesce(s.access_policy is null and s.revealable and v.state = 'ENABLED' and k.state = 'ACTIVE', false) as is_recorded
        from asked a
        join secret s on s.workspace_id = a.workspace_id and ${isActive}
          and ${secret.by === "id" ? "s.secret_id = a.secret_key" : "s.path = a.secret_key and s.region = a.region"}
        left join secret_version v on v.workspace_id = s.workspace_id and v.secret_id = s.secret_id
          and v.version_number = ${versionNumberExpression(by)}
        left join kms_key k on k.workspace_id = v.workspace_id and k.kms_key_id = v.kms_key_id
      ), recorded as (
        ${insertEventsFrom("f", "from found f where f.is_recorded", {
          resource_type: "'secret'",
          resource_id: "f.secret_id",
          decision: "'ALLOW'",
          result: "'OK'",
          occurrences: "1",
        })}
      )
      select f.facts, f.envelope, f.is_recorded, case when f.has_policy then now() end as policy_time, f.ordinal::integer
      from found f`;
}

const askedAlone = `select $1::text as secret_key, $2::text as version_key, $3::text as event_id, $4::text as request_id,
  $5::text as workspace_id, $6::text as region, $7::text as principal_id, $8::text as token_id, $9::text as method,
  $10::text as rule, $11::text as address, $12::text as user_agent, 1 as ordinal`;

const askedTogether = `select a.*, c.* from unnest($1::text[], $2::text[], $3::text[], $4::text[], $13::integer[])
  with ordinality as a (secret_key, version_key, event_id, request_id, asker, ordinal)
  join unnest($5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[])
  with ordinality as c (workspace_id, region, principal_id, token_id, method, rule, address, user_agent, number)
  on c.number = a.asker`;

/** The parameters that differ between asks, and those that most asks have in common. */
type Texts = readonly (string | null)[];

function perAsk({ secret, version, event }: ValueAsk): Texts {
  const secretKey = secret.by === "id" ? secret.secretId : pathOf(secret.name);
  return [secretKey, versionKey(version), event.eventId, event.requestId];
}

function perAsker({ grant, secret, event }: ValueAsk): Texts {
  const { principalId, tokenId, method, rule, address, userAgent } = event;
  const region = secret.by === "id" ? null : secret.region;
  return [grant.workspaceId, region, principalId, tokenId, method, rule, address, userAgent];
}

/** Returns the parameters of each asker once, and for each ask the number of its asker, counted from 1. */
function columnsOf(asks: readonly ValueAsk[]): string[] {
  const askers: Texts[] = [];
  const numberOf = new Map<string, number>();
  let last: ValueAsk | undefined;
  let number = 0;
  const numbers = asks.map((ask) => {
    // Most asks of a batch have the asker of the one before.
    if (last && haveOneAsker(last, ask)) return String(number);
    last = ask;
    const asker = perAsker(ask);
    const key = JSON.stringify(asker);
    number = numberOf.get(key) ?? askers.push(asker);
    numberOf.set(key, number);
    return String(number);
  });
  return [...columns(asks.map(perAsk)), ...columns(askers), textArray(numbers)];
}

function haveOneAsker(a: ValueAsk, b: ValueAsk): boolean {
  return (
    a.grant.workspaceId === b.grant.workspaceId &&
    (a.secret.by === "id" ? null : a.secret.region) === (b.secret.by === "id" ? null : b.secret.region) &&
    a.event.principalId === b.event.principalId &&
    a.event.tokenId === b.event.tokenId &&
    a.event.method === b.event.method &&
    a.event.rule === b.event.rule &&
    a.event.address === b.event.address &&
    a.event.userAgent === b.event.userAgent
  );
}

function columns(rows: readonly Texts[]): string[] {
  const [first = []] = rows;
  return first.map((_, column) => textArray(rows.map((row) => row[column] ?? null)));
}

function versionNumberExpression(by: VersionRef["by"]): string {
  switch (by) {
    case "latest":
      return "s.current_version";
    case "number":
      return "a.version_key::integer";
    case "alias":
      return `coalesce((s.version_aliases ->> a.version_key)::integer,
        case a.version_key when '${currentAlias}' then s.current_version end)`;
    case "id":
      return `(select i.version_number from secret_version i
        where i.workspace_id = a.workspace_id and i.version_id = a.version_key and i.secret_id = s.secret_id)`;
    default:
      return assertNever(by);
  }
}

function versionKey(version: VersionRef): string | null {
  switch (version.by) {
    case "latest":
      return null;
    case "number":
      return String(version.versionNumber);
    case "alias":
      return version.alias;
    case "id":
      return version.versionId;
    default:
      return assertNever(version);
  }
}

/** Reads the columns. */
export function toSealedVersion({ facts, envelope, policyTime, isRecorded }: UnreadVersion): SealedVersion {
  const row = readComposite(facts, sqlTypes);
  return {
    secret: guard.readAt(row, guardIndexes),
    policyTime: policyTime ?? undefined,
    version:
      row[versionNumberIndex] === null
        ? undefined
        : { ...version.readAt(row, versionIndexes), envelope: envelope ?? undefined },
    key: row[keyStateIndex] === null ? undefined : key.readAt(row, keyIndexes),
    isRecorded,
  };
}
