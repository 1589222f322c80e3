// SQL changes rows whose values were read many times before: whatever a process keeps in memory, the rows as they are now decide.
import { beforeAll, describe, expect, it } from "vitest";
import { kmsKeyTable } from "../../src/store/rows/kms-key.ts";
import { secretTable } from "../../src/store/rows/secret.ts";
import { versionTable } from "../../src/store/rows/secret-version.ts";
import type { Columns, Table } from "../../src/store/rows/table.ts";
import { present } from "../support/secrets.ts";
import { anotherValue } from "../support/tampering.ts";
import { useWarmSecrets, type Victim, waysByVersion } from "../support/warm-secrets.ts";

const { coffer, create, warm, outcomes } = useWarmSecrets();
beforeAll(async () => {
  // Marks a changed row, because the change may be one of the columns of its key.
  for (const [{ name }] of tables) await coffer.sql(`alter table ${name} add column is_changed boolean`);
});

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
    const victim = await create();
    const where = whereOf(victim, table, idColumn);
    const { another, nullable } = await anotherValue(coffer, table.name, column);
    for (const expression of nullable ? [another, "null"] : [another]) {
      await coffer.sql(`drop table if exists saved; create table saved as select * from ${table.name} where ${where}`);
      const isChanged = await coffer.sql(`update ${table.name} set ${column} = ${expression}, is_changed = true
        where ${where} and ${column} is distinct from ${expression} returning 1`);
      const seen = await outcomes(victim);
      if (isChanged.length === 0) expect(expression).toBe("null");
      else expect(reasonsOf(title)).toEqual(expect.arrayContaining([...seen]));
      await coffer.sql(`delete from ${table.name} where is_changed`);
      if (isChanged.length > 0) await coffer.sql(`insert into ${table.name} select * from saved`);
      await warm(victim);
    }
  });
});

describe("an envelope that was opened before", () => {
  it("lets no value leave once SQL has changed any byte of it, or its length, until it is as it was", async () => {
    const victim = await create();
    const ways = waysByVersion(victim).slice(0, 2);
    const where = `where secret_id = '${victim.id}' and version_number = 2`;
    const [row] = await coffer.sql(`select envelope from secret_version ${where}`);
    const envelope = present(row)["envelope"] as Buffer;
    const put = (bytes: Buffer) => coffer.sql(`update secret_version set envelope = $1 ${where}`, [bytes]);
    const opened: unknown[] = [];
    const expectCorrupt = async (what: unknown, bytes: Buffer) => {
      await put(bytes);
      const seen = await outcomes(victim, ways);
      if (seen.size !== 1 || !seen.has("VALUE_CORRUPT")) opened.push([what, ...seen]);
    };
    for (const position of envelope.keys()) {
      const changed = Buffer.from(envelope);
      changed[position] = present(changed[position]) ^ (1 << (position % 8));
      await expectCorrupt(position, changed);
    }
    for (const size of [0, 1, 40, envelope.byteLength - 1]) await expectCorrupt(size, envelope.subarray(0, size));
    await expectCorrupt("longer", Buffer.concat([envelope, Buffer.alloc(1)]));
    expect(opened).toEqual([]);
    await put(envelope);
    await warm(victim);
  }, 60_000);
});
