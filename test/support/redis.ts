// A private Redis for tests: COFFER_TEST_REDIS_URL, else a redis-server of this run, else one in docker.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { findFreePort } from "./free-port.ts";
import { findOnPath, findRedisBinary, type RedisBinary } from "./redis-binary.ts";
import { makeRunDir } from "./run-dir.ts";

export type TestRedis = {
  url: string;
  /** Undefined for a server that the run did not start itself. */
  pid: number | undefined;
  /** SIGSTOP, SIGCONT, SIGKILL …; resolves when the process is gone if the signal ends it. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Again after kill("SIGKILL"), empty, with the same URL. */
  restart(): Promise<void>;
  /** Empties it, after making sure that it is the server of this run and not somebody else's. */
  flush(): Promise<void>;
  stop(): Promise<void>;
};

export type TestRedisOptions = {
  /** Never COFFER_TEST_REDIS_URL: for tests that kill or empty it. */
  own?: boolean;
  /** Its first arguments, such as those of a Sentinel; `dir` is its own, and ends with it. Only with `own`. */
  args?: (dir: string) => string[];
};

const run = promisify(execFile);

export async function startTestRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const configured = process.env["COFFER_TEST_REDIS_URL"];
  if (configured && !options.own) return useConfigured(configured);
  let reason = "no redis-server on the PATH";
  try {
    const binary = await findRedisBinary();
    if (binary) return await startProcess(binary, options.args);
  } catch (error) {
    reason = error instanceof Error ? (error.message.trim().split("\n").at(-1) ?? reason) : String(error);
  }
  if (await hasDockerEngine()) return startContainer();
  throw new Error(`the tests need Redis (${reason}): install redis-server, start docker or set COFFER_TEST_REDIS_URL`);
}

function useConfigured(url: string): TestRedis {
  const refuse = async () => {
    throw new Error("COFFER_TEST_REDIS_URL is not the run's own server: it is neither killed nor emptied");
  };
  return { url, pid: undefined, kill: refuse, restart: refuse, flush: refuse, stop: async () => {} };
}

async function startProcess(binary: RedisBinary, argsFor: (dir: string) => string[] = () => []): Promise<TestRedis> {
  // The password makes sure that no other server is taken for this one, whoever gets the port.
  const password = randomBytes(16).toString("hex");
  let child: ChildProcess | undefined;
  const runDir = await makeRunDir("redis", () => [child?.pid]);
  let port = 0;
  let url = "";

  const start = async () => {
    const args = [
      ...argsFor(runDir.path),
      "--port",
      String(port),
      "--bind",
      "127.0.0.1",
      "--requirepass",
      password,
      "--dir",
      runDir.path,
    ];
    args.push("--save", "", "--appendonly", "no", "--daemonize", "no");
    const env = { PATH: "/usr/bin:/bin", ...(binary.libraryPath && { LD_LIBRARY_PATH: binary.libraryPath }) };
    child = spawn(binary.path, args, { stdio: ["ignore", "pipe", "pipe"], env });
    await waitUntilReady(url, child);
  };
  const kill = async (signal: NodeJS.Signals) => {
    if (!child || isGone(child)) return;
    const gone = once(child, "exit");
    child.kill(signal);
    if (!["SIGSTOP", "SIGCONT"].includes(signal)) await gone;
  };
  const stop = async () => {
    await kill("SIGKILL"); // Nothing is kept, and a stopped one would not heed anything else.
    runDir.remove();
  };

  try {
    for (let attempt = 1; ; attempt += 1) {
      port = await findFreePort();
      url = `redis://:${password}@127.0.0.1:${port}`;
      try {
        await start();
        break;
      } catch (error) {
        await kill("SIGKILL");
        // Somebody else may have taken the port in between.
        if (attempt === 3) throw error;
      }
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    get pid() {
      return child && !isGone(child) ? child.pid : undefined;
    },
    kill,
    restart: start,
    flush: () => flushOwn(url, runDir.path),
    stop,
  };
}

async function waitUntilReady(url: string, child: ChildProcess): Promise<void> {
  let output = "";
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout?.on("data", collect);
  child.stderr?.on("data", collect);
  let failure: Error | undefined;
  child.once("error", (error) => {
    failure = error;
  });
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await sleep(20)) {
    if (failure) throw failure;
    if (isGone(child)) throw new Error(`redis-server ended: ${output.trim().split("\n").at(-1)}`);
    if (await answers(url)) return;
  }
  throw new Error("redis-server did not answer within 10 s");
}

function isGone(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

function answers(url: string): Promise<boolean> {
  return withRedis(url, (redis) => redis.ping()).then(
    () => true,
    () => false,
  );
}

async function flushOwn(url: string, dir: string): Promise<void> {
  await withRedis(url, async (redis) => {
    const [, actual] = (await redis.config("GET", "dir")) as string[];
    if (actual !== dir) throw new Error(`the Redis at hand keeps its data in ${actual}, not in ${dir}: not emptied`);
    await redis.flushall();
  });
}

async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on("error", () => {}); // The pending call tells.
  try {
    await redis.connect();
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

async function hasDockerEngine(): Promise<boolean> {
  if (!(await findOnPath("docker"))) return false;
  return run("docker", ["info"], { timeout: 10_000 }).then(
    () => true,
    () => false,
  );
}

async function startContainer(): Promise<TestRedis> {
  const password = randomBytes(16).toString("hex");
  const port = await findFreePort();
  const url = `redis://:${password}@127.0.0.1:${port}`;
  const command = ["redis-server", "--save", "", "--appendonly", "no", "--requirepass", password];
  const started = await run("docker", ["run", "-d", "-p", `127.0.0.1:${port}:6379`, "redis:7-alpine", ...command]);
  const id = started.stdout.trim();
  const untilReady = async () => {
    for (const deadline = Date.now() + 10_000; Date.now() < deadline; await sleep(50)) if (await answers(url)) return;
    throw new Error("Redis in docker did not answer within 10 s");
  };
  const stop = async () => {
    await run("docker", ["rm", "-f", id]);
  };
  await untilReady().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    url,
    pid: undefined,
    kill: async (signal) => {
      await run("docker", ["kill", "-s", signal, id]);
      if (!["SIGSTOP", "SIGCONT"].includes(signal)) await run("docker", ["wait", id]);
    },
    restart: async () => {
      await run("docker", ["start", id]);
      await untilReady();
    },
    flush: () => flushOwn(url, "/data"),
    stop,
  };
}
