// Brings the schema up to date, once, however many instances start at the same time.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { StartupError, toStartupError } from "../domain/startup-error.ts";
import { withPassword } from "./connection-string.ts";
import type { Sql } from "./database.ts";

interface Migration {
  number: number;
  name: string;
  sql: string;
  checksum: string;
}

/** What belongs to a migration and is no SQL, by the migration's name without its number: done in its transaction, after it. */
export type MigrationSteps = Readonly<Record<string, (sql: Sql) => Promise<void>>>;

// Any constant will do, as long as every coffer uses the same one.
const advisoryLock = 4_015_262_901;
const connectTimeoutMs = 5_000;

/**
 * Applies the migrations that a database lacks. With `checkOnly` a schema that is behind is an error instead. A schema that is
 * newer than this coffer, or whose migrations are not these, is always one. Fails with a StartupError.
 */
export async function migrate(
  connectionString: string,
  options: { checkOnly?: boolean; password?: string | undefined; steps?: MigrationSteps } = {},
): Promise<void> {
  const { password, checkOnly = false, steps = {} } = options;
  try {
    const client = new pg.Client({
      connectionString: withPassword(connectionString, password),
      connectionTimeoutMillis: connectTimeoutMs,
    });
    client.on("error", () => {});
    await client.connect();
    try {
      await bringUpToDate(client, checkOnly, steps);
    } finally {
      await client.end();
    }
  } catch (error) {
    throw toStartupError("cannot use the database", error);
  }
}

async function bringUpToDate(client: pg.Client, checkOnly: boolean, steps: MigrationSteps): Promise<void> {
  await client.query("select pg_advisory_lock($1)", [advisoryLock]);
  const applied = await readApplied(client);
  const known = readMigrations();
  const lost = Object.keys(steps).filter((step) => !known.some((migration) => stepNameOf(migration) === step));
  if (lost.length > 0) throw new Error(`no migration is named ${lost.join(", ")}`);
  const missing = compare(known, applied);
  if (checkOnly && missing.length > 0) {
    throw new StartupError(
      `the database's schema is at ${applied.length}, this coffer needs ${applied.length + missing.length}; ` +
        "start once with COFFER_MIGRATE=auto",
    );
  }
  for (const migration of missing) await apply(client, migration, steps);
}

async function readApplied(client: pg.Client): Promise<{ number: number; checksum: string }[]> {
  const { rows: tables } = await client.query("select to_regclass('schema_migration') as found");
  if (tables[0].found === null) return [];
  const { rows } = await client.query("select number, checksum from schema_migration order by number");
  return rows;
}

/** The migrations that are still to be applied. */
function compare(known: Migration[], applied: { number: number; checksum: string }[]): Migration[] {
  if (applied.length > known.length) {
    throw new StartupError(
      `the database's schema is at ${applied.length}, newer than this coffer, which knows ${known.length}`,
    );
  }
  for (const [index, { number, checksum }] of applied.entries()) {
    const migration = known[index] as Migration;
    if (number !== migration.number || checksum !== migration.checksum) {
      throw new StartupError(`the database's schema was made by another migration than ${migration.name}`);
    }
  }
  return known.slice(applied.length);
}

async function apply(client: pg.Client, migration: Migration, steps: MigrationSteps): Promise<void> {
  await client.query("begin");
  await client.query(
    "create table if not exists schema_migration (number integer primary key, name text not null, checksum text not null, " +
      "apply_time timestamptz not null default now())",
  );
  await client.query(migration.sql);
  await steps[stepNameOf(migration)]?.({
    query: async ({ text, values }) => (await client.query(text, [...values])).rows,
  });
  await client.query("insert into schema_migration (number, name, checksum) values ($1, $2, $3)", [
    migration.number,
    migration.name,
    migration.checksum,
  ]);
  await client.query("commit");
}

function stepNameOf({ name }: Migration): string {
  return name.slice("0000-".length, -".sql".length);
}

function readMigrations(): Migration[] {
  const folder = join(import.meta.dirname, "migrations");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .sort()
    .map((name, index) => {
      const sql = readFileSync(join(folder, name), "utf8");
      const number = Number(name.slice(0, 4));
      if (number !== index + 1) throw new StartupError(`migration ${name} is out of order`);
      return { number, name, sql, checksum: createHash("sha256").update(sql).digest("hex") };
    });
}
