// Compares the declarations of tables with the database: every column is under a MAC, or has a reason why it needs none.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
// Declare the tables.
import "../../src/integrity/audit-chain.ts";
import "../../src/integrity/row-macs.ts";
import "../../src/store/idempotency.ts";
import { everyTable } from "../../src/store/rows/table.ts";
import { useCoffer } from "../support/coffer.ts";

const coffer = useCoffer();

const isBound = "is part of what the ciphertext is bound to: changed, it does not open";
const isSealed = "is authenticated encryption, bound to the row's ids";
const isRootKey = "names the root key, and with another one the wrap does not open";
const isTime = "is only shown: nothing is judged by it";

/** The columns of tables without any MAC, and why they need none; or the reason for the whole table. */
const unguarded: Readonly<Record<string, Readonly<Record<string, string>> | string>> = {
  schema_migration: "says which migrations were applied",
  deployment: {
    singleton: "has one value",
    deployment_id: isBound,
    root_key_id: isRootKey,
    wrapped_key: isSealed,
    create_time: isTime,
  },
  kms_key_version: {
    workspace_id: isBound,
    kms_key_id: isBound,
    version: isBound,
    root_key_id: isRootKey,
    wrapped_key: isSealed,
    create_time: isTime,
  },
  import_wrapping_key: {
    workspace_id: isBound,
    region: isBound,
    root_key_id: isRootKey,
    wrapped_key: isSealed,
    create_time: isTime,
  },
  egress_event: "is read by people, and decides nothing",
  audit_horizon: "tells a job where it is; what it leaves out, `coffer audit verify` counts",
};

async function columnsInDatabase(): Promise<string[]> {
  const rows = await coffer.sql(
    `select c.relname || '.' || a.attname as name from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      order by c.relname, a.attnum`,
  );
  return rows.map(({ name }) => String(name));
}

/** Each declared column with the number of times that it is declared. */
function declaredColumns(): string[] {
  return everyTable().flatMap(({ name, columns, internal }) =>
    [...Object.values(columns).map(({ column }) => column), ...Object.keys(internal)].map((each) => `${name}.${each}`),
  );
}

describe("the columns of every table", () => {
  it("are each covered by a MAC, or exempt for a reason, and none of both", async () => {
    const exempt = new Set(
      Object.entries(unguarded).flatMap(([table, reasons]) =>
        typeof reasons === "string" ? [] : Object.keys(reasons).map((column) => `${table}.${column}`),
      ),
    );
    const declared = declaredColumns();
    const problems = (await columnsInDatabase()).flatMap((name) => {
      const [table = ""] = name.split(".");
      const times = declared.filter((each) => each === name).length;
      const isExempt = exempt.has(name) || typeof unguarded[table] === "string";
      return times + (isExempt ? 1 : 0) === 1
        ? []
        : [`${name} is declared ${times} times${isExempt ? " and exempt" : ""}`];
    });
    const undecided = everyTable().flatMap(({ name, columns }) =>
      Object.values(columns)
        .filter(({ macs, uncovered }) => macs.length > 0 === (uncovered !== undefined))
        .map(({ column }) => `${name}.${column} is covered and exempt, or neither`),
    );
    expect([...problems, ...undecided]).toEqual([]);
  });

  it("are all there: no declaration and no reason names a column that the database does not have", async () => {
    const real = new Set(await columnsInDatabase());
    const named = [
      ...declaredColumns(),
      ...Object.entries(unguarded).flatMap(([table, reasons]) =>
        typeof reasons === "string" ? [] : Object.keys(reasons).map((column) => `${table}.${column}`),
      ),
    ];
    expect(named.filter((name) => !real.has(name))).toEqual([]);
  });

  it("name only MACs that their table declares, and each of these MACs is stored in a column", () => {
    const problems = everyTable().flatMap(({ name, macs, columns }) => {
      const stored = Object.values(columns).filter(({ uncovered }) => uncovered === "mac");
      const used = new Set(Object.values(columns).flatMap((column) => column.macs as readonly string[]));
      const names = Object.keys(macs).filter((mac) => !(name === "audit_event" && mac === "chain"));
      return [
        ...[...used].filter((mac) => !macs[mac]).map((mac) => `${name} has no MAC ${mac}`),
        ...names.filter((mac) => !used.has(mac)).map((mac) => `${name}.${mac} covers nothing`),
        ...names
          .filter((mac) => !stored.some(({ column }) => column === mac))
          .map((mac) => `${name}.${mac} is not stored`),
      ];
    });
    expect(problems).toEqual([]);
  });

  it("are declared in the files of src/store/rows, which this test has all loaded", () => {
    const rows = join(import.meta.dirname, "../../src/store/rows");
    const general = ["column-types", "composite", "select", "table", "text-array", "write"];
    const files = readdirSync(rows).map((file) => file.replace(/\.ts$/, ""));
    const guarded = everyTable().filter(({ macs }) => Object.keys(macs).length > 0);
    const expected = guarded.map(({ name }) => name.replaceAll("_", "-"));
    expect(files.filter((file) => !general.includes(file)).sort()).toEqual(expected.sort());
  });
});
