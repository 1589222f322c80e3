// The cost of a purge for readers: reads with and without a purge in turn, with hundreds of thousands of due secrets.
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { startEmbeddedPostgres } from "../src/embedded/start-embedded-postgres.ts";
import type { Load } from "./load/load.ts";
import { findLoadTools } from "./load/tools.ts";
import { runWrk } from "./load/wrk.ts";
import { readPurgeOptions } from "./purge/options.ts";
import { type PurgeRun, startPurging } from "./purge/purging.ts";
import { seedDue } from "./purge/seed-due.ts";
import { cofferSources } from "./requests.ts";
import { seed } from "./seed.ts";
import { startServer } from "./support/children.ts";
import { makeRunDir } from "./support/run-dir.ts";

const projectDir = join(import.meta.dirname, "..");
const limitMax = "9999999";

async function main(argv: readonly string[]): Promise<void> {
  const { due, live, seconds, concurrency } = readPurgeOptions(argv);
  await using stack = new AsyncDisposableStack();
  const tools = await findLoadTools();
  const dir = await makeRunDir();
  stack.defer(dir.remove);
  const postgres = await startEmbeddedPostgres({ dataDir: dir.dataDir });
  stack.defer(postgres.stop);
  const database = new pg.Client(postgres.url);
  await database.connect();
  stack.defer(() => database.end());

  console.log(`seeding ${live} live secrets, and ${due} that are due`);
  const seeded = await seed(postgres.url, dir.path, live);
  await seedDue(database, due);

  const env = {
    COFFER_PORT: "0",
    COFFER_DATA_DIR: dir.path,
    COFFER_DATABASE_URL: postgres.url,
    COFFER_ROOT_KEY_FILE: seeded.rootKeyFile,
    COFFER_LOG_FORMAT: "json",
    COFFER_RATE_LIMIT_PRINCIPAL: limitMax,
    COFFER_RATE_LIMIT_WORKSPACE: limitMax,
  };
  const coffer = await startServer(
    [join(projectDir, "src", "main.ts"), "serve"],
    { ...env, COFFER_LOG_LEVEL: "warn", COFFER_LOG_FORMAT: "text", COFFER_JOBS: "off" },
    /listening on http:\/\/127\.0\.0\.1:(\d+)\n/,
  );
  stack.defer(coffer.stop);
  const sources = cofferSources("get value uniform", "connect-json", seeded.ownerToken);
  const read = (duration: number) =>
    runWrk(tools.wrk, sources, {
      ...{ port: Number(coffer.match[1]), concurrency, seconds: duration, dir: dir.path },
      ...{ idsFile: seeded.idsFile, hotId: seeded.hotId },
    });

  await read(2); // Warm up.
  const before = await read(seconds);
  // Another instance purges, as another one would: what it costs the readers is the database's.
  const purging = startPurging(env, projectDir);
  stack.defer(purging.stop);
  await purging.begun(database);
  const during = await read(seconds);
  const leftAfterReading = await countDue(database);
  const purged = await purging.ended();
  await sleep(1_000);
  const after = await read(seconds);
  report({ before, during, after }, purged, leftAfterReading, await countDue(database));
}

async function countDue(database: pg.Client): Promise<number> {
  const { rows } = await database.query("select count(*)::int as count from secret where state = 'SOFT_DELETED'");
  return rows[0].count;
}

function report(reads: Record<string, Load>, purged: PurgeRun, leftAfterReading: number, left: number): void {
  for (const [when, { requests, seconds, p50Ms, p99Ms }] of Object.entries(reads)) {
    const perSecond = Math.round(requests / seconds);
    console.log(
      `${when.padEnd(6)} ${String(perSecond).padStart(6)} reads/s  p50 ${p50Ms.toFixed(2)} ms  p99 ${p99Ms.toFixed(2)} ms`,
    );
  }
  const { items, transactions, durationMs, longestTransactionMs } = purged;
  const wholly = leftAfterReading > 0 ? "all through" : "only a part of";
  console.log(
    `purged ${items} secrets in ${(durationMs / 1_000).toFixed(1)} s by ${transactions} transactions, the longest ` +
      `${longestTransactionMs} ms; ${left} left; it ran ${wholly} the reads above`,
  );
}

await main(process.argv.slice(2));
