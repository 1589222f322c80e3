// Serves one port from several processes: the primary prepares the database and hands out connections, its workers do the rest.
import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "./config.ts";
import { StartupError } from "./domain/startup-error.ts";
import type { Logger } from "./log.ts";
import { countForWorkers } from "./redis/worker-limits.ts";
import { prepareGround, type Running, start } from "./start.ts";

/** What a worker tells the primary once. */
type Report = { serving: Pick<Running, "url" | "first"> } | { failed: string };

/** What the primary tells a worker. */
const stopOrder = "coffer:stop";
const restartDelayMs = 1_000;
/** Beyond the grace that requests get. */
const stopDelayMsMax = 10_000;

/** Fails with a StartupError, and leaves nothing running. */
export async function startWorkers(config: Config, log: Logger): Promise<Running> {
  const { server } = await prepareGround(config, log);
  countForWorkers();
  cluster.setupPrimary({ args: ["worker"] });
  const env = {
    COFFER_DATABASE_URL: server.url,
    COFFER_ROOT_KEY_FILE: config.rootKeyFile,
    // This process has done it.
    COFFER_MIGRATE: "check",
  };
  const fork = () => cluster.fork(env);
  const close = async () => {
    await Promise.all(runningWorkers().map((worker) => stopWorker(worker, config)));
    await server.stop();
  };
  try {
    const reports = await Promise.all(Array.from({ length: config.workers }, () => reportOf(fork())));
    const [{ url }] = reports as [Running, ...Running[]];
    let isStopping = false;
    cluster.on("exit", ({ id }, code, signal) => {
      if (isStopping) return;
      log.error({ worker: id, code, signal }, "a worker has ended and is replaced");
      void sleep(restartDelayMs).then(() => {
        if (isStopping) return;
        reportOf(fork()).catch((error: StartupError) => log.error({ reason: error.message }, "a worker cannot start"));
      });
    });
    return {
      url,
      egressUrl: undefined,
      first: reports.map(({ first }) => first).find((first) => first !== undefined),
      failed: server.failed,
      async close() {
        isStopping = true;
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What a worker serves, when it does; fails with the StartupError that ended it. */
function reportOf(worker: Worker): Promise<Pick<Running, "url" | "first">> {
  const { promise, resolve, reject } = Promise.withResolvers<Pick<Running, "url" | "first">>();
  worker.on("message", (message: Partial<Report>) => {
    // Workers speak to the counters of limits in the same way.
    if ("serving" in message && message.serving) resolve(message.serving);
    if ("failed" in message && message.failed) reject(new StartupError(message.failed));
  });
  worker.once("exit", () => reject(new StartupError("a worker has ended while it started")));
  return promise;
}

function runningWorkers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

async function stopWorker(worker: Worker, { shutdownGraceMs }: Config): Promise<void> {
  const ended = once(worker, "exit");
  if (worker.isConnected()) worker.send(stopOrder);
  const timer = setTimeout(() => worker.process.kill("SIGKILL"), shutdownGraceMs + stopDelayMsMax);
  await ended;
  clearTimeout(timer);
}

/** A worker's whole life. It ends with its primary, in order when it is told to. */
export async function serveAsWorker(config: Config, log: Logger): Promise<void> {
  if (!cluster.isWorker) throw new StartupError("this command is for coffer's own workers");
  const stopped = stopOrderOrSignal();
  let running: Running;
  try {
    running = await start(config, log, { isWorker: true });
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    await tellPrimary({ failed: error.message });
    process.exit(1);
  }
  await tellPrimary({ serving: { url: running.url, first: running.first } });
  await stopped;
  await running.close();
  cluster.worker?.disconnect();
}

function stopOrderOrSignal(): Promise<void> {
  return new Promise((resolve) => {
    // A terminal sends it to every process; the primary will say what to do.
    process.on("SIGINT", () => {});
    process.on("SIGTERM", () => resolve());
    process.on("message", (message) => {
      if (message === stopOrder) resolve();
    });
  });
}

function tellPrimary(report: Report): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(report, () => resolve());
  });
}
