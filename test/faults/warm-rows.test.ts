// SQL changes rows whose values were read many times before: whatever a process keeps in memory, the rows as they are now decide.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { kmsKeyTable } from "../../src/store/rows/kms-key.ts";
import { secretTable } from "../../src/store/rows/secret.ts";
import { versionTable } from "../../src/store/rows/secret-version.ts";
import type { Columns, Table } from "../../src/store/rows/table.ts";
import { startCoffer, type TestCoffer } from "../support/coffer.ts";
import { createKey } from "../support/keys.ts";
import { addVersion, byId, createSecret, data, newName } from "../support/secrets.ts";
import { anotherValue, dropRefusals } from "../support/tampering.ts";

let instances: TestCoffer[] = [];
let coffer: TestCoffer;
beforeAll(async () => {
  coffer = await startCoffer();
  instances = [coffer, await startCoffer({ besides: coffer })];
  await dropRefusals(coffer);
  // Marks a changed row, because the change may be one of the columns of its key.
  for (const [{ name }] of tables) await coffer.sql(`alter table ${name} add column is_changed boolean`);
});
afterAll(async () => {
  for (const instance of instances.toReversed()) await instance.close();
});

interface Victim {
  id: string;
  versionId: string;
  name: string;
  keyId: string;
  /** The value of its current version, 2. */
  text: string;
}

/** A secret under a key of its own, with two versions, an alias and an end, whose current value every instance has returned many times. */
async function warmVictim(): Promise<Victim> {
  const key = await createKey(coffer);
  const name = newName("app/victim");
  const expiration = { case: "ttl", value: { seconds: 3600n } } as const;
  const secret = await createSecret(coffer, { name, kmsKeyId: key.id, value: data(`${name} v1`), expiration });
  const { id: versionId } = await addVersion(coffer, secret, `${name} v2`);
  await coffer.clients().secrets.updateSecret({ secret: { id: secret.id, versionAliases: { live: 2 } } });
  const victim = { id: secret.id, versionId, name, keyId: key.id, text: `${name} v2` };
  await warm(victim);
  return victim;
}

async function warm(victim: Victim): Promise<void> {
  for (let times = 0; times < 3; times++) expect(new Set(await outcomes(victim))).toEqual(new Set([victim.text]));
}

interface Way {
  path: string;
  json?: object;
}

/** Ways to ask for version 2 that do not depend on which version is the current one. */
function waysByVersion({ id, versionId }: Victim): Way[] {
  const access = (version: string) => ({ path: `/v1/secrets/${id}/versions/${version}:access` });
  return [{ path: rpc, json: { id, version: "2" } }, access("live"), access(versionId)];
}

const rpc = "/coffer.v1.SecretService/GetSecretValue";

/** Every way to ask for the current version. */
function waysTo(victim: Victim): Way[] {
  const { id, name } = victim;
  return [
    ...waysByVersion(victim),
    ...[{ id }, { id, version: "live" }, { name }].map((json) => ({ path: rpc, json })),
    { path: `/v1/secrets/${id}/versions/latest:access` },
  ];
}

/** Returns for each instance and way the value, or the reason for which there is none. */
async function outcomes(victim: Victim, ways = waysTo(victim)): Promise<string[]> {
  const reads = instances.flatMap((instance) =>
    ways.map(async ({ path, json }) => {
      const response = await instance.fetch(path, { method: "POST", ...(json && { json }) });
      const body = await response.text();
      if (!response.ok) return /"reason":\s*"(\w+)"/.exec(body)?.[1] ?? body;
      const { data: encoded, value } = JSON.parse(body) as { data?: string; value?: string };
      return encoded === undefined ? String(value) : Buffer.from(encoded, "base64").toString();
    }),
  );
  return Promise.all(reads);
}

/** A look-up by one of these columns may find no row. */
const lookups =
  /^(secret\.(workspace_id|secret_id|state|current_version|version_aliases|path|region)|secret_version\.(workspace_id|secret_id|version_id|version_number))$/;

/** The reasons for which no value leaves, in any order. */
function reasonsOf(title: string): string[] {
  if (lookups.test(title)) return ["VALUE_CORRUPT", "SECRET_NOT_FOUND", "VERSION_NOT_FOUND"];
  // The changed column alone refuses the read, before the row is checked.
  if (title === "secret.revealable") return ["NOT_REVEALABLE"];
  return ["VALUE_CORRUPT"];
}

const tables: [Table<Columns>, mac: string, idColumn: string][] = [
  [secretTable, "row_mac", "secret_id"],
  [versionTable, "mac", "secret_id"],
  [kmsKeyTable, "mac", "kms_key_id"],
];

/** The columns that a value depends on: those under the MAC, the MAC, and those that the envelope is bound to. */
const columns = tables.flatMap(([table, mac, idColumn]) =>
  Object.values(table.columns)
    .filter(
      (each) =>
        each.column === mac || each.macs.includes(mac) || each.uncovered === "bound" || each.uncovered === "sealed",
    )
    .map(({ column }) => ({ table, idColumn, column, title: `${table.name}.${column}` })),
);

function whereOf({ id, keyId }: Victim, { name }: Table<Columns>, idColumn: string): string {
  if (name === "kms_key") return `${idColumn} = '${keyId}'`;
  return `${idColumn} = '${id}'${name === "secret_version" ? " and version_number = 2" : ""}`;
}

describe("a column of a row that was read before", () => {
  it("is one of more than thirty", () => {
    expect(columns.length).toBeGreaterThan(30);
  });

  it.each(columns)("($title) lets no value leave once SQL has changed it, until it is as it was", async (changed) => {
    const { table, idColumn, column, title } = changed;
    const victim = await warmVictim();
    const where = whereOf(victim, table, idColumn);
    const { another, nullable } = await anotherValue(coffer, table.name, column);
    for (const expression of nullable ? [another, "null"] : [another]) {
      await coffer.sql(`drop table if exists saved; create table saved as select * from ${table.name} where ${where}`);
      const isChanged = await coffer.sql(`update ${table.name} set ${column} = ${expression}, is_changed = true
        where ${where} and ${column} is distinct from ${expression} returning 1`);
      const seen = await outcomes(victim);
      if (isChanged.length === 0) expect(expression).toBe("null");
      else expect(reasonsOf(title)).toEqual(expect.arrayContaining(seen));
      await coffer.sql(`delete from ${table.name} where is_changed`);
      if (isChanged.length > 0) await coffer.sql(`insert into ${table.name} select * from saved`);
      await warm(victim);
    }
  });
});

type Row = Readonly<Record<string, string | number>>;

function isRow(alias: string, row: Row): string {
  return Object.entries(row)
    .map(([column, value]) => `${alias}.${column} = '${value}'`)
    .join(" and ");
}

/** Exchanges columns of two rows. */
async function swap(table: string, names: readonly string[], one: Row, other: Row): Promise<void> {
  const places = `(${isRow("a", one)} and ${isRow("b", other)}) or (${isRow("a", other)} and ${isRow("b", one)})`;
  const assigned = names.map((name) => `${name} = b.${name}`).join(", ");
  const rows = await coffer.sql(`update ${table} a set ${assigned} from ${table} b where ${places} returning 1`);
  expect(rows).toHaveLength(2);
}

const contents = ["payload_form", "envelope", "kms_key_id", "kms_key_version"];

describe("rows that were read before, and then exchanged", () => {
  it.each([
    ["the envelopes of two versions", ["envelope"]],
    ["the envelopes of two versions and all that they are bound to", contents],
    ["the MACs of two versions", ["mac"]],
    ["the whole contents of two versions with their MACs", [...contents, "state", "vault_connection_id", "mac"]],
  ])("(%s, of one secret and of two) let no value leave", async (_what, names) => {
    const [one, two] = [await warmVictim(), await warmVictim()];
    const current = { secret_id: one.id, version_number: 2 };
    for (const other of [
      { secret_id: one.id, version_number: 1 },
      { secret_id: two.id, version_number: 2 },
    ]) {
      await swap("secret_version", names, current, other);
      expect(new Set(await outcomes(one))).toEqual(new Set(["VALUE_CORRUPT"]));
      if (other.secret_id === two.id) expect(new Set(await outcomes(two))).toEqual(new Set(["VALUE_CORRUPT"]));
      await swap("secret_version", names, current, other);
      await warm(one);
      await warm(two);
    }
  });

  it("(the MACs of two secrets, and of two keys) let no value leave", async () => {
    const [one, two] = [await warmVictim(), await warmVictim()];
    const swaps = [
      () => swap("secret", ["row_mac"], { secret_id: one.id }, { secret_id: two.id }),
      () => swap("kms_key", ["mac"], { kms_key_id: one.keyId }, { kms_key_id: two.keyId }),
    ];
    for (const swapMacs of swaps) {
      await swapMacs();
      for (const victim of [one, two]) expect(new Set(await outcomes(victim))).toEqual(new Set(["VALUE_CORRUPT"]));
      await swapMacs();
      for (const victim of [one, two]) await warm(victim);
    }
  });

  it("(the names of two secrets with their MACs) let no value leave under the name of the other", async () => {
    const [one, two] = [await warmVictim(), await warmVictim()];
    const take = (from: Victim, to: string) =>
      coffer.sql("update secret set name = $2, path = '/' || $2 where secret_id = $1", [from.id, to]);
    const rename = async (ofOne: string, ofTwo: string) => {
      await take(one, "app/free");
      await take(two, ofTwo);
      await take(one, ofOne);
    };
    await rename(two.name, one.name);
    for (const victim of [one, two]) expect(new Set(await outcomes(victim))).toEqual(new Set(["VALUE_CORRUPT"]));
    await swap("secret", ["row_mac"], { secret_id: one.id }, { secret_id: two.id });
    for (const victim of [one, two]) expect(new Set(await outcomes(victim))).toEqual(new Set(["VALUE_CORRUPT"]));
    await swap("secret", ["row_mac"], { secret_id: one.id }, { secret_id: two.id });
    await rename(one.name, two.name);
    for (const victim of [one, two]) await warm(victim);
  });
});

/** Stores a copy of a row, and returns what puts it back. */
async function copyOf(table: string, row: Row): Promise<() => Promise<void>> {
  const copy = newName("copy").replaceAll("-", "_");
  await coffer.sql(`create table ${copy} as select * from ${table} where ${isRow(table, row)}`);
  return async () => {
    await coffer.sql(`with gone as (delete from ${table} where ${isRow(table, row)} returning 1) select * from gone`);
    await coffer.sql(`insert into ${table} select * from ${copy}`);
  };
}

// An older copy of a row with its MAC counts as valid (SECURITY.md), also when newer copies of it were read meanwhile.
describe("an older copy of a row, put back after newer ones were read", () => {
  it("decides as it says: a version, a key and a secret that were disabled or deleted then", async () => {
    const victim = await warmVictim();
    const { secrets, keys } = coffer.clients();
    const version = { ...byId(victim.id), version: "2" };
    const key = { id: victim.keyId };
    for (const [table, row, stop, start, reason] of [
      [
        "secret_version",
        { secret_id: victim.id, version_number: 2 },
        () => secrets.disableSecretVersion(version),
        () => secrets.enableSecretVersion(version),
        "VERSION_DISABLED",
      ],
      [
        "kms_key",
        { kms_key_id: victim.keyId },
        () => keys.disableKey(key),
        () => keys.enableKey(key),
        "KEY_NOT_ACTIVE",
      ],
      [
        "secret",
        { secret_id: victim.id },
        () => secrets.deleteSecret(byId(victim.id)),
        () => secrets.undeleteSecret({ id: victim.id }),
        "SECRET_NOT_FOUND",
      ],
    ] as const) {
      // Disabling the current version makes an older one the current one.
      const read = async () => new Set(await outcomes(victim, waysByVersion(victim)));
      await stop();
      const putStopped = await copyOf(table, row);
      expect(await read()).toEqual(new Set([reason]));
      await start();
      const putStarted = await copyOf(table, row);
      for (let times = 0; times < 3; times++) expect(await read()).toEqual(new Set([victim.text]));
      await putStopped();
      expect(await read()).toEqual(new Set([reason]));
      await putStarted();
      expect(await read()).toEqual(new Set([victim.text]));
    }
  });

  it("is refused in part: an older current version with its MAC, but newer aliases", async () => {
    const victim = await warmVictim();
    const [older] = await coffer.sql("select current_version, row_mac from secret where secret_id = $1", [victim.id]);
    const secret = { id: victim.id, versionAliases: { live: 2, old: 1 } };
    await coffer.clients().secrets.updateSecret({ secret });
    await warm(victim);
    const put = "update secret set row_mac = $2 where secret_id = $1 returning row_mac";
    const [newer] = await coffer.sql("select row_mac from secret where secret_id = $1", [victim.id]);
    await coffer.sql(put, [victim.id, older?.["row_mac"]]);
    expect(new Set(await outcomes(victim))).toEqual(new Set(["VALUE_CORRUPT"]));
    await coffer.sql(put, [victim.id, newer?.["row_mac"]]);
    await warm(victim);
  });
});
