// Gives a command the bundled PostgreSQL: that of a running coffer, or else one that is started for the command.
import { existsSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { StartupError, toStartupError } from "../domain/error/startup-error.ts";
import { type ClusterPaths, clusterPaths, inspectCluster } from "./cluster.ts";
import { DataDirInUse } from "./lock.ts";
import { probe } from "./postmaster.ts";
import { reachSocketDir } from "./socket-dir.ts";
import { connectionTo, startEmbeddedPostgres, toUrl } from "./start-embedded-postgres.ts";

export interface BorrowedPostgres {
  /** Contains the password. */
  url: string;
  /** Stops the server if it was started for the command. */
  giveBack(): Promise<void>;
}

const waitMsMax = 20_000;

/** Makes no data directory. Fails with a StartupError when there is none. */
export async function borrowEmbeddedPostgres(dataDir: string): Promise<BorrowedPostgres> {
  try {
    const paths = existsSync(dataDir) ? clusterPaths(await realpath(dataDir)) : undefined;
    if (!paths || (await inspectCluster(paths)) === "absent") {
      throw new StartupError(`${dataDir} has no coffer data yet; start \`coffer serve\` once to make it`);
    }
    return await borrow(paths);
  } catch (error) {
    throw toStartupError(`cannot use the data directory ${dataDir}`, error);
  }
}

/** Waits, because a coffer that is starting or stopping has the lock but no server that answers. */
async function borrow(paths: ClusterPaths): Promise<BorrowedPostgres> {
  for (const end = performance.now() + waitMsMax; ; await sleep(100)) {
    try {
      const { url, stop } = await startEmbeddedPostgres({ dataDir: paths.dataDir });
      return { url, giveBack: stop };
    } catch (error) {
      if (!(error instanceof DataDirInUse)) throw error;
      const url = await urlOfRunning(paths);
      if (url !== undefined) return { url, giveBack: async () => {} };
      if (performance.now() > end) throw error;
    }
  }
}

async function urlOfRunning(paths: ClusterPaths): Promise<string | undefined> {
  // The link is not removed afterwards, because the running coffer uses it too.
  const { path } = await reachSocketDir(paths.clusterDir);
  const connection = await connectionTo(paths, path);
  return (await probe(connection)) === "ready" ? toUrl(connection) : undefined;
}
