// The bundled PostgreSQL for a short visit: the one that a running coffer has, else one of the visit's own.
import { existsSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { StartupError, toStartupError } from "../domain/error/startup-error.ts";
import { type ClusterPaths, clusterPaths, inspectCluster } from "./cluster.ts";
import { DataDirInUse } from "./lock.ts";
import { probe } from "./postmaster.ts";
import { reachSocketDir } from "./socket-dir.ts";
import { connectionTo, startEmbeddedPostgres, toUrl } from "./start-embedded-postgres.ts";

export type VisitedPostgres = {
  /** With the password. */
  url: string;
  /** Ends what the visit has started, and nothing else. */
  leave(): Promise<void>;
};

const waitMsMax = 20_000;

/** Makes nothing: without a data directory in use it is a StartupError. */
export async function visitEmbeddedPostgres(dataDir: string): Promise<VisitedPostgres> {
  try {
    const paths = existsSync(dataDir) ? clusterPaths(await realpath(dataDir)) : undefined;
    if (!paths || (await inspectCluster(paths)) === "absent") {
      throw new StartupError(`there is no coffer in ${dataDir} yet; \`coffer serve\` makes one`);
    }
    return await visit(paths);
  } catch (error) {
    throw toStartupError(`cannot use the data directory ${dataDir}`, error);
  }
}

/** A coffer that is just starting or stopping has the lock, but no server that answers. */
async function visit(paths: ClusterPaths): Promise<VisitedPostgres> {
  for (const end = performance.now() + waitMsMax; ; await sleep(100)) {
    try {
      const { url, stop } = await startEmbeddedPostgres({ dataDir: paths.dataDir });
      return { url, leave: stop };
    } catch (error) {
      if (!(error instanceof DataDirInUse)) throw error;
      const url = await urlOfRunning(paths);
      if (url !== undefined) return { url, leave: async () => {} };
      if (performance.now() > end) throw error;
    }
  }
}

async function urlOfRunning(paths: ClusterPaths): Promise<string | undefined> {
  // Not removed afterwards: the link is the running coffer's too.
  const { path } = await reachSocketDir(paths.clusterDir);
  const connection = await connectionTo(paths, path);
  return (await probe(connection)) === "ready" ? toUrl(connection) : undefined;
}
