// One run of one case against one server: what it achieved, and what it cost each process.
import { setTimeout as sleep } from "node:timers/promises";
import type { Case } from "./cases.ts";
import { grpcCall } from "./grpc-call.ts";
import { runH2load } from "./load/h2load.ts";
import type { Load } from "./load/load.ts";
import { runWrk } from "./load/wrk.ts";
import { cofferSources, floorSources } from "./requests.ts";
import type { Rig } from "./rig.ts";
import { cpuSecondsOf, forgetPeakRss, peakRssMiBOf } from "./support/usage.ts";

/** Every figure of a run. */
export interface Measured {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** CPU seconds per 1,000 requests: the floor's or coffer's processes, Postgres's, Redis's, and all of them. */
  cpuServer: number;
  cpuPostgres: number;
  cpuRedis: number;
  cpuTotal: number;
  peakRssMiB: number;
}

// Work put off until after the answers counts too.
const settleMs = 100;

export async function measure(rig: Rig, which: "floor" | "coffer", one: Case, seconds: number): Promise<Measured> {
  const { pid } = rig[which];
  forgetPeakRss(pid);
  const before = cpuOf(rig, which);
  const load = await runLoad(rig, which, one, seconds);
  await sleep(settleMs);
  const after = cpuOf(rig, which);
  const perThousand = (part: keyof typeof before) => ((after[part] - before[part]) / load.requests) * 1_000;
  const [cpuServer, cpuPostgres, cpuRedis] = [perThousand("server"), perThousand("postgres"), perThousand("redis")];
  return {
    requestsPerSecond: load.requests / load.seconds,
    p50Ms: load.p50Ms,
    p99Ms: load.p99Ms,
    cpuServer,
    cpuPostgres,
    cpuRedis,
    cpuTotal: cpuServer + cpuPostgres + cpuRedis,
    peakRssMiB: peakRssMiBOf(pid),
  };
}

function cpuOf(rig: Rig, which: "floor" | "coffer") {
  return {
    server: cpuSecondsOf(rig[which].pid),
    postgres: cpuSecondsOf(rig.postgresPid()),
    redis: rig.redisPid === undefined ? 0 : cpuSecondsOf(rig.redisPid),
  };
}

async function runLoad(rig: Rig, which: "floor" | "coffer", one: Case, seconds: number): Promise<Load> {
  const { tools, seeded, dir } = rig;
  const { action, protocol, concurrency } = one;
  const run = { concurrency, seconds, idsFile: seeded.idsFile, hotId: seeded.hotId, dir };
  if (protocol !== "grpc") {
    const sources = which === "floor" ? floorSources(action) : cofferSources(action, protocol, seeded.ownerToken);
    return runWrk(tools.wrk, sources, { ...run, port: rig[which].port });
  }
  if (action !== "get value hot" && action !== "list 50") throw new Error(`${action} is not measured over gRPC`);
  return runH2load(tools.h2load, await grpcCall(rig, which, action), { ...run, port: rig[which].grpcPort });
}
