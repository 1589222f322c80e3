// Keeps the PostgreSQL server running: restarts it when it dies, and gives up after five consecutive failures.

import { setTimeout as sleep } from "node:timers/promises";
import { StartupError, toStartupError } from "../domain/error/startup-error.ts";
import { endLeftovers } from "./leftovers.ts";
import {
  type Connection,
  type Postmaster,
  type PostmasterOptions,
  spawnPostmaster,
  stopPostmaster,
  waitUntilReady,
} from "./postmaster.ts";

const failuresMax = 5;
const backoffFirstMs = 100;
/** A server that ran this long was healthy: its end does not count as a consecutive failure. */
const healthyAfterMs = 2_000;

export type Supervised = {
  /** The process id of the running server. */
  pid(): number;
  /** Resolves with the reason when the server is given up, not when it is stopped. */
  exited: Promise<string>;
  stop(): Promise<void>;
};

export async function superviseServer(options: PostmasterOptions, connection: Connection): Promise<Supervised> {
  let stopping = false;
  /** The last spawned server, ready or not. stop() ends it. */
  let newest: Postmaster | undefined;
  const { promise: exited, resolve: giveUp } = Promise.withResolvers<string>();

  const startServer = async (): Promise<Postmaster> => {
    await endLeftovers(options.clusterDir);
    if (stopping) throw new StartupError("the bundled PostgreSQL is being stopped");
    const postmaster = await spawnPostmaster(options);
    newest = postmaster;
    try {
      if (!stopping) await waitUntilReady(postmaster, connection);
      if (stopping) await stopPostmaster(postmaster);
    } catch (error) {
      await stopPostmaster(postmaster);
      throw error;
    }
    return postmaster;
  };

  const watch = async () => {
    let failures = 0;
    let readySince = Date.now();
    let reason = await current.exited;
    while (!stopping) {
      if (Date.now() - readySince >= healthyAfterMs) failures = 0;
      if (failures === failuresMax) return giveUp(reason);
      options.log(`the bundled PostgreSQL ended (${reason}), starting it again`);
      if (failures > 0) await sleep(backoffFirstMs * 2 ** (failures - 1));
      failures += 1;
      readySince = Number.POSITIVE_INFINITY;
      try {
        current = await startServer();
        readySince = Date.now();
        reason = await current.exited;
      } catch (error) {
        reason = toStartupError("the bundled PostgreSQL did not start", error).message;
      }
    }
  };

  let current = await startServer();
  const watching = watch();
  return {
    pid: () => current.pid,
    exited,
    stop: async () => {
      stopping = true;
      if (newest) await stopPostmaster(newest);
      await watching;
    },
  };
}
