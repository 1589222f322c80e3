// Starts the bundled PostgreSQL in coffer's data directory: the default without any configuration.

import { realpath } from "node:fs/promises";
import { toStartupError } from "../domain/error/startup-error.ts";
import { findBinaries } from "./binaries.ts";
import {
  type ClusterPaths,
  clusterPaths,
  createCluster,
  inspectCluster,
  readPassword,
  removeDrafts,
  superuser,
} from "./cluster.ts";
import { createDataDir } from "./data-dir.ts";
import { lockDataDir } from "./lock.ts";
import { type Connection, createDatabaseIfMissing, type Settings } from "./postmaster.ts";
import { chooseRunAs } from "./run-as.ts";
import { reachSocketDir } from "./socket-dir.ts";
import { superviseServer } from "./supervise.ts";

export type EmbeddedPostgresOptions = {
  dataDir: string;
  /** Receives the log lines of the server. */
  log?: ((line: string) => void) | undefined;
  /** Server settings instead of the defaults. Tests trade durability for speed. */
  settings?: Settings;
};

export type EmbeddedPostgres = {
  /** `host` is the directory of the Unix socket. */
  connection: Connection;
  /** The connection string for `pg` and libpq, with the password. */
  url: string;
  /** The process id of the running server, which changes when it is restarted. */
  pid(): number;
  /** Resolves with the reason when the server is given up. Stays pending through stop(). */
  exited: Promise<string>;
  stop(): Promise<void>;
};

/** Holds the lock of the data directory until stop(). Fails with a StartupError, and then leaves nothing running. */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const undo: (() => unknown)[] = [];
  try {
    await createDataDir(options.dataDir);
    const paths = clusterPaths(await realpath(options.dataDir));
    undo.unshift(lockDataDir(paths.dataDir));

    await removeDrafts(paths.dataDir);
    const { binaries, runAs } = await prepareCluster(paths);
    const socketDir = await reachSocketDir(paths.clusterDir);
    undo.unshift(socketDir.remove);

    const connection = await connectionTo(paths, socketDir.path);
    const settings = options.settings ?? {};
    const log = options.log ?? (() => {});
    const server = await superviseServer({ clusterDir: paths.clusterDir, binaries, runAs, settings, log }, connection);
    undo.unshift(server.stop);
    await createDatabaseIfMissing(connection);

    const stop = once(() => undoAll(undo));
    void server.exited.then(stop);
    return { connection, url: toUrl(connection), pid: server.pid, exited: server.exited, stop };
  } catch (error) {
    await undoAll(undo);
    throw toStartupError(`the bundled PostgreSQL cannot use the data directory ${options.dataDir}`, error);
  }
}

async function prepareCluster(paths: ClusterPaths) {
  const state = await inspectCluster(paths);
  const runAs = await chooseRunAs(state === "present" ? paths.clusterDir : undefined);
  const binaries = await findBinaries(runAs);
  if (state === "absent") await createCluster(paths, binaries, runAs);
  return { binaries, runAs };
}

export async function connectionTo(paths: ClusterPaths, host: string): Promise<Connection> {
  return { host, port: 5432, user: superuser, password: await readPassword(paths), database: "coffer" };
}

export function toUrl({ user, password, database, host, port }: Connection): string {
  const query = new URLSearchParams({ host, port: String(port), sslmode: "disable" });
  return `postgres://${user}:${password}@/${database}?${query}`;
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= run();
    return running;
  };
}

async function undoAll(undo: readonly (() => unknown)[]): Promise<void> {
  for (const step of undo) await step();
}
