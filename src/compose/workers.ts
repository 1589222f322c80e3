// Serves one port from several processes: the primary prepares the database and hands out connections, its workers do the rest.
import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config/config.ts";
import { StartupError } from "../domain/error/startup-error.ts";
import { countForWorkers } from "../redis/worker-limits.ts";
import type { Logger } from "./log.ts";
import { prepareDatabase, type Running, start } from "./start.ts";

/** The one report of a worker to the primary. */
type Report = { serving: Pick<Running, "url" | "first"> } | { failed: string };

/** The order of the primary to stop, with the lead in milliseconds. */
const stopOrder = "coffer:stop";
/** The primary sends it to each worker periodically, and the worker answers it. */
const question = "coffer:alive?";
const answer = "coffer:alive";
const questionIntervalMs = 1_000;
const unansweredMax = 10;
const restartDelayMs = 1_000;
/** The time beyond the grace of requests. */
const stopDelayMsMax = 10_000;

/** Fails with a StartupError, and leaves nothing running. */
export async function startWorkers(config: Config, log: Logger): Promise<Running> {
  await using opening = new AsyncDisposableStack();
  const { server, failed } = await prepareDatabase(opening, config, log);
  countForWorkers();
  // Without this SIGUSR1 opens a debugger, which can read every key.
  const execArgv = [...new Set([...process.execArgv, "--disable-sigusr1"])];
  cluster.setupPrimary({ args: ["worker"], execArgv });
  const env = {
    COFFER_DATABASE_URL: server.url,
    COFFER_ROOT_KEY_FILE: config.rootKeyFile,
    // This process has already migrated the schema.
    COFFER_MIGRATE: "check",
  };
  let isStopping = false;
  let leadMs = 0;
  opening.defer(async () => {
    isStopping = true;
    await Promise.all(runningWorkers().map((worker) => stopWorker(worker, leadMs, config)));
  });
  const fork = async () => {
    const worker = cluster.fork(env);
    const serving = await reportOf(worker);
    endWhenSilent(worker, log);
    return serving;
  };
  const reports = await Promise.all(Array.from({ length: config.workers }, fork));
  const [{ url }] = reports as [Running, ...Running[]];
  cluster.on("exit", ({ id }, code, signal) => {
    if (isStopping) return;
    log.error({ worker: id, code, signal }, "a worker has ended and is replaced");
    void sleep(restartDelayMs).then(() => {
      if (isStopping) return;
      fork().catch((error: StartupError) => log.error({ reason: error.message }, "a worker cannot start"));
    });
  });
  const closing = opening.move();
  return {
    url,
    egressUrl: undefined,
    first: reports.map(({ first }) => first).find((first) => first !== undefined),
    failed,
    async close(ms) {
      leadMs = ms;
      await closing.disposeAsync();
    },
  };
}

/** Resolves when the worker serves. Fails with the StartupError that ended it. */
function reportOf(worker: Worker): Promise<Pick<Running, "url" | "first">> {
  const { promise, resolve, reject } = Promise.withResolvers<Pick<Running, "url" | "first">>();
  worker.on("message", (message: Partial<Report> | string) => {
    // Messages for the counters of limits use the same channel.
    if (typeof message === "string") return;
    if ("serving" in message && message.serving) resolve(message.serving);
    if ("failed" in message && message.failed) reject(new StartupError(message.failed));
  });
  worker.once("exit", () => reject(new StartupError("a worker has ended while it started")));
  return promise;
}

/** A worker with a blocked event loop would still get connections, so it is ended. */
function endWhenSilent(worker: Worker, log: Logger): void {
  let unanswered = 0;
  const timer = setInterval(() => {
    if (++unanswered > unansweredMax) {
      log.error({ worker: worker.id }, "a worker does not answer; it is ended and replaced");
      worker.process.kill("SIGKILL");
    } else if (worker.isConnected()) {
      worker.send(question, () => {});
    }
  }, questionIntervalMs);
  worker.on("message", (message) => {
    if (message === answer) unanswered = 0;
  });
  worker.once("exit", () => clearInterval(timer));
}

function runningWorkers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

async function stopWorker(worker: Worker, leadMs: number, { shutdownGraceMs }: Config): Promise<void> {
  const ended = once(worker, "exit");
  if (worker.isConnected()) worker.send({ [stopOrder]: leadMs });
  const timer = setTimeout(() => worker.process.kill("SIGKILL"), leadMs + shutdownGraceMs + stopDelayMsMax);
  await ended;
  clearTimeout(timer);
}

/** Serves as a worker until the primary ends or sends the order to stop. */
export async function serveAsWorker(config: Config, log: Logger): Promise<void> {
  if (!cluster.isWorker) throw new StartupError("this command is only for workers that coffer starts itself");
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
  await running.close(await stopped);
  cluster.worker?.disconnect();
}

/** Resolves with the lead in milliseconds. */
function stopOrderOrSignal(): Promise<number> {
  return new Promise((resolve) => {
    // A terminal sends these to every process. Only the primary handles them.
    for (const signal of ["SIGINT", "SIGHUP", "SIGQUIT"] as const) process.on(signal, () => {});
    process.on("SIGTERM", () => resolve(0));
    process.on("message", (message: { [stopOrder]?: number } | string) => {
      if (message === question) process.send?.(answer, () => {});
      else if (typeof message === "object" && message[stopOrder] !== undefined) resolve(message[stopOrder]);
    });
  });
}

function tellPrimary(report: Report): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(report, () => resolve());
  });
}
