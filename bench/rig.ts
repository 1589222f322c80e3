// Everything a run needs, started: Postgres, Redis, the seeded data, the floor and coffer, each a process of its own.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startEmbeddedPostgres } from "../src/embedded/start-embedded-postgres.ts";
import { startTestRedis } from "../test/support/redis.ts";
import { addHotVersions } from "./hot-versions.ts";
import { findLoadTools, type LoadTools } from "./load/tools.ts";
import type { Options } from "./options.ts";
import { type Seeded, seed } from "./seed.ts";
import { type Server, startServer } from "./support/children.ts";
import { makeRunDir } from "./support/run-dir.ts";

export interface Target {
  pid: number;
  port: number;
  grpcPort: number;
  readyMs: number;
}

export interface Rig {
  dir: string;
  tools: LoadTools;
  seeded: Seeded;
  floor: Target;
  coffer: Target;
  /** Undefined where it is not a process of this machine. */
  redisPid: number | undefined;
  postgresPid(): number;
}

const projectDir = join(import.meta.dirname, "..");
const limitMax = "9999999";

/** `stack` ends everything that was started, also when starting fails halfway. */
export async function startRig(
  stack: AsyncDisposableStack,
  options: Options,
  say: (text: string) => void,
): Promise<Rig> {
  const tools = await findLoadTools();
  const dir = await makeRunDir();
  stack.defer(dir.remove);
  // With its own settings: every commit is on disk before it is answered.
  const postgres = await startEmbeddedPostgres({ dataDir: dir.dataDir });
  stack.defer(postgres.stop);
  const killPostgres = () => process.kill(postgres.pid(), "SIGKILL");
  process.once("exit", killPostgres);
  stack.defer(() => void process.off("exit", killPostgres));
  const redis = await startTestRedis({ own: true });
  stack.defer(redis.stop);

  say(`seeding ${options.scale} secrets`);
  const begin = performance.now();
  const seeded = await seed(postgres.url, dir.path, options.scale, options.ids);
  say(`seeded in ${((performance.now() - begin) / 1_000).toFixed(1)} s`);

  const start = async (args: readonly string[], env: Record<string, string>, ready: RegExp) => {
    const server = await startServer(args, env, ready);
    stack.defer(server.stop);
    return toTarget(server);
  };
  const floorEnv = { FLOOR_DATABASE_URL: postgres.url, FLOOR_KEY: seeded.floorKey };
  const floor = await start([join(import.meta.dirname, "floor.ts")], floorEnv, /listening on (\d+) and (\d+)\n/);
  const npmStart = readStart();
  const coffer = await start(
    [...npmStart.options, ...cofferNodeOptions(), join(projectDir, "src", "main.ts"), "serve"],
    {
      NODE_COMPILE_CACHE: npmStart.compileCache,
      COFFER_PORT: "0",
      COFFER_DATA_DIR: dir.path,
      COFFER_DATABASE_URL: postgres.url,
      COFFER_REDIS_URL: redis.url,
      COFFER_ROOT_KEY_FILE: seeded.rootKeyFile,
      COFFER_LOG_LEVEL: "error",
      // A stop that takes longer ends with SIGKILL, and then a profiler writes no file.
      COFFER_SHUTDOWN_LEAD_MS: "0",
      COFFER_RATE_LIMIT_PRINCIPAL: limitMax,
      COFFER_RATE_LIMIT_WORKSPACE: limitMax,
      COFFER_RATE_LIMIT_UNAUTHENTICATED: limitMax,
      ...(options.workers === undefined ? {} : { COFFER_WORKERS: String(options.workers) }),
    },
    /listening on http:\/\/127\.0\.0\.1:(\d+)\n/,
  );
  await addHotVersions(coffer, seeded, options.versions);
  return { dir: dir.path, tools, seeded, floor, coffer, redisPid: redis.pid, postgresPid: postgres.pid };
}

/** Node's options and its cache of compiled code, as `npm start` gives them. */
function readStart(): { options: string[]; compileCache: string } {
  const { scripts } = JSON.parse(readFileSync(join(projectDir, "package.json"), "utf8")) as {
    scripts: { start: string };
  };
  const pattern = /^NODE_COMPILE_CACHE=(\S+) exec node (.*) src\/main\.ts serve$/;
  const [, compileCache, options] = pattern.exec(scripts.start) ?? [];
  if (compileCache === undefined || options === undefined) throw new Error("npm start does not start coffer as it did");
  return { options: options.split(" "), compileCache: join(projectDir, compileCache) };
}

/** Node options for coffer alone, for example of a profiler. */
function cofferNodeOptions(): string[] {
  return (process.env["BENCH_COFFER_NODE_OPTIONS"] ?? "").split(" ").filter((option) => option !== "");
}

function toTarget({ pid, match, readyMs }: Server): Target {
  // coffer serves everything on one port.
  const [port, grpcPort = port] = match.slice(1).map(Number);
  if (port === undefined || grpcPort === undefined) throw new Error("a server did not say its port");
  return { pid, port, grpcPort, readyMs };
}
