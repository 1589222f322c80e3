// Applies migrations. Any number of instances may start at the same time.
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { StartupError, toStartupError } from "../domain/error/startup-error.ts";
import { checkSession } from "./connection/check-session.ts";
import { isLockNotAvailable } from "./connection/database-errors.ts";
import { createConnector } from "./connection/open-connection.ts";
import { migrationLimits } from "./connection/session.ts";
import type { Sql } from "./database.ts";
import { type Migration, readMigrations, stepNameOf } from "./migration-files.ts";
import { type MigrationLog, withMigrationLock } from "./migration-lock.ts";

/** Steps in TypeScript that end a migration in its transaction, by the migration's name without its number. */
export type MigrationSteps = Readonly<Record<string, (sql: Sql) => Promise<void>>>;

export interface MigrateOptions {
  checkOnly?: boolean;
  password?: string | undefined;
  steps?: MigrationSteps;
  log?: MigrationLog;
}

// Statements that queued behind the refused lock can run during this pause.
const lockRetryMs = 1_000;
const lockRetriesMs = 600_000;
const sayEveryMs = 10_000;

/**
 * Applies the migrations that a database lacks. With `checkOnly` a schema that is behind is an error instead. A schema that is
 * newer than this coffer, or whose migrations are not these, is always one. Fails with a StartupError.
 */
export async function migrate(connectionString: string, options: MigrateOptions = {}): Promise<void> {
  try {
    const connector = createConnector(connectionString, options.password);
    const opened = await connector.open(migrationLimits);
    const { client, session } = opened;
    try {
      await checkSession(connector, opened, migrationLimits);
      // A standby cannot be changed, so the lock is not needed; a standby would grant it to everybody.
      if (session.isReadOnly) return await bringUpToDate(client, { ...options, isReadOnly: true });
      const work = () => bringUpToDate(client, { ...options, isReadOnly: false });
      await withMigrationLock(client, options.log ?? (() => {}), work);
    } finally {
      await client.end();
    }
  } catch (error) {
    throw toStartupError("cannot use the database", error);
  }
}

async function bringUpToDate(client: pg.Client, options: MigrateOptions & { isReadOnly: boolean }): Promise<void> {
  const { steps = {}, checkOnly = false, isReadOnly, log = () => {} } = options;
  const applied = await readApplied(client);
  const known = readMigrations();
  const lost = Object.keys(steps).filter((step) => !known.some((migration) => stepNameOf(migration) === step));
  if (lost.length > 0) throw new Error(`no migration is named ${lost.join(", ")}`);
  const missing = compare(known, applied);
  if (missing.length > 0 && (checkOnly || isReadOnly)) {
    throw new StartupError(
      `the database's schema is at ${applied.length}, this coffer needs ${applied.length + missing.length}; ` +
        (checkOnly ? "start once with COFFER_MIGRATE=auto" : "the database takes no writes"),
    );
  }
  for (const migration of missing) await applyPatiently(client, migration, steps, log);
}

async function readApplied(client: pg.Client): Promise<{ number: number; checksum: string }[]> {
  const { rows: tables } = await client.query("select to_regclass('schema_migration') as found");
  if (tables[0].found === null) return [];
  const { rows } = await client.query("select number, checksum from schema_migration order by number");
  return rows;
}

/** Returns the migrations that are not applied yet. */
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

/** A statement that waits for an exclusive lock blocks all later ones. So it waits at most a second, and tries again. */
async function applyPatiently(
  client: pg.Client,
  migration: Migration,
  steps: MigrationSteps,
  log: MigrationLog,
): Promise<void> {
  const { name } = migration;
  const since = new Date();
  const startMs = performance.now();
  const say = () => log("a migration is still running", { migration: name, runningSince: since });
  const timer = setInterval(say, sayEveryMs);
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await (migration.isWithoutTransaction
          ? applyOneByOne(client, migration)
          : apply(client, migration, steps));
      } catch (error) {
        if (!isLockNotAvailable(error) || performance.now() - startMs > lockRetriesMs) throw error;
        log("a migration could not lock a table that is in use and tries again", { migration: name, attempt, since });
      }
      await sleep(lockRetryMs * (1 + Math.random()));
    }
  } finally {
    clearInterval(timer);
  }
}

async function apply(client: pg.Client, migration: Migration, steps: MigrationSteps): Promise<void> {
  await client.query("begin");
  try {
    await createTableOfMigrations(client);
    await client.query(migration.sql);
    await steps[stepNameOf(migration)]?.({
      query: async ({ text, values }) => (await client.query(text, [...values])).rows,
    });
    await noteApplied(client, migration);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => {});
    throw error;
  }
}

/** Waits for open transactions without a limit, because it blocks nobody. */
async function applyOneByOne(client: pg.Client, migration: Migration): Promise<void> {
  await client.query("set lock_timeout = 0");
  try {
    for (const statement of migration.sql.split(/;\s*$/m)) {
      if (statement.trim() !== "") await client.query(statement);
    }
    await noteApplied(client, migration);
  } finally {
    await client.query(`set lock_timeout = ${migrationLimits.lockMs}`);
  }
}

async function createTableOfMigrations(client: pg.Client): Promise<void> {
  await client.query(
    "create table if not exists schema_migration (number integer primary key, name text not null, checksum text not null, " +
      "apply_time timestamptz not null default now())",
  );
}

async function noteApplied(client: pg.Client, { number, name, checksum }: Migration): Promise<void> {
  const text = "insert into schema_migration (number, name, checksum) values ($1, $2, $3)";
  await client.query(text, [number, name, checksum]);
}
