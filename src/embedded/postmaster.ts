// One run of the PostgreSQL server: spawns it, waits until a connection succeeds, and stops it.

import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, DatabaseError } from "pg";
import { StartupError } from "../domain/error/startup-error.ts";
import type { Binaries } from "./binaries.ts";
import { clusterName, killQuietly } from "./leftovers.ts";
import { dataDirArgument, type RunAs, spawnBinary } from "./spawn-binary.ts";

export type Connection = { host: string; port: number; user: string; password: string; database: string };

export type Settings = Readonly<Record<string, string>>;

export type Postmaster = {
  pid: number;
  /** The reason of the end: the server's last line about its own problem, or its exit code or signal. Never rejects. */
  exited: Promise<string>;
  hasExited(): boolean;
};

const fixedSettings = {
  listen_addresses: "",
  unix_socket_directories: ".",
  unix_socket_permissions: "0700",
  port: "5432",
} satisfies Settings;

const defaultSettings = {
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  shared_buffers: "128MB",
  max_connections: "100",
  jit: "off",
  max_logical_replication_workers: "0",
  timezone: "UTC",
  log_timezone: "UTC",
  log_line_prefix: "%m [%p] %b ",
  log_checkpoints: "off",
  // Rows and statements must not reach a log, not even sealed values.
  log_error_verbosity: "terse",
  log_min_error_statement: "panic",
} satisfies Settings;

export type PostmasterOptions = {
  clusterDir: string;
  binaries: Binaries;
  runAs: RunAs | undefined;
  settings: Settings;
  log: (line: string) => void;
};

export async function spawnPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  const { clusterDir, binaries, runAs, log } = options;
  const settings = { ...defaultSettings, ...options.settings, ...fixedSettings };
  const args = ["-D", dataDirArgument(clusterDir), "-c", `cluster_name=${await clusterName(clusterDir)}`];
  for (const [name, value] of Object.entries(settings)) args.push("-c", `${name}=${value}`);
  const child = spawnBinary(binaries.postgres, args, { cwd: clusterDir, runAs, ownGroup: true });
  let problem: string | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      problem = findProblem(line) ?? problem;
      log(line);
    });
  }
  let ended = false;
  const exited = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    // Use "exit", because surviving children keep the pipe open and delay "close". Then wait a moment for the last lines.
    child.on("exit", (code, signal) => {
      ended = true;
      setTimeout(() => resolve(problem ?? (signal ? `signal ${signal}` : `exit code ${code}`)), 20);
    });
  });
  if (child.pid === undefined) throw new StartupError(`the bundled PostgreSQL does not start: ${await exited}`);
  return { pid: child.pid, exited, hasExited: () => ended };
}

/** Finds the reason why the server cannot run. FATAL messages to clients concern only those clients. */
function findProblem(line: string): string | undefined {
  const [, reporter, message] = /^(.*?)(?:FATAL|PANIC): +(.*)/.exec(line) ?? [];
  if (message !== undefined) return /client backend|not initialized/.test(reporter ?? "") ? undefined : message;
  // Lines from before the server has set up its log, and from the dynamic linker.
  return /^\S*postgres: (.*)/.exec(line)?.[1];
}

/** Waits for crash recovery without a limit. A server that does not answer at all is given up after a minute. */
export async function waitUntilReady(postmaster: Postmaster, connection: Connection): Promise<void> {
  for (let deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(20)) {
    if (postmaster.hasExited()) {
      throw new StartupError(`the bundled PostgreSQL did not start: ${await postmaster.exited}`);
    }
    const state = await probe(connection);
    if (state === "ready") return;
    if (state === "recovering") deadline = Date.now() + 60_000;
  }
  throw new StartupError("the bundled PostgreSQL did not answer within 60 s");
}

export async function stopPostmaster(postmaster: Postmaster): Promise<void> {
  const stages = [["SIGINT", 10_000] as const, ["SIGQUIT", 2_000] as const, ["SIGKILL", 2_000] as const];
  for (const [signal, waitMs] of stages) {
    if (postmaster.hasExited()) break;
    killQuietly(postmaster.pid, signal);
    const waiting = new AbortController();
    const timeout = sleep(waitMs, undefined, { signal: waiting.signal }).catch(() => {});
    await Promise.race([postmaster.exited, timeout]);
    waiting.abort();
  }
}

/** Fails when a server answers and refuses the login. */
export async function probe(connection: Connection): Promise<"ready" | "recovering" | "silent"> {
  try {
    await withClient({ ...connection, database: "postgres" }, async () => {});
    return "ready";
  } catch (error) {
    if (!(error instanceof DatabaseError)) return "silent";
    if (error.code === "57P03") return "recovering";
    if (error.code === "53300") return "ready"; // Too many clients, so the server is running.
    throw new StartupError(`the bundled PostgreSQL refuses coffer: ${error.message}`, { cause: error });
  }
}

export async function createDatabaseIfMissing(connection: Connection): Promise<void> {
  await withClient({ ...connection, database: "postgres" }, async (client) => {
    const found = await client.query("select 1 from pg_database where datname = $1", [connection.database]);
    if (found.rowCount === 0) await client.query(`create database ${client.escapeIdentifier(connection.database)}`);
  });
}

async function withClient(connection: Connection, use: (client: Client) => Promise<void>): Promise<void> {
  // ssl is set explicitly because PGSSLMODE would apply otherwise.
  const client = new Client({ ...connection, ssl: false, connectionTimeoutMillis: 5_000 });
  client.on("error", () => {}); // An idle connection was cut; the pending call reports it.
  try {
    await client.connect();
    await use(client);
  } finally {
    await client.end().catch(() => {});
  }
}
