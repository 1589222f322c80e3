// One run of h2load: gRPC over HTTP/2 without TLS, several calls at a time on each connection.
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Binary } from "../../test/support/debian-packages.ts";
import { runTool } from "../support/children.ts";
import type { GrpcCall, Load, LoadRun } from "./load.ts";

const connectionsMax = 8;

/** Fails when a single answer was no success. */
export async function runH2load(h2load: Binary, call: GrpcCall, run: LoadRun): Promise<Load> {
  const bodyFile = join(run.dir, "grpc-body");
  const logFile = join(run.dir, "h2load-log");
  await writeFile(bodyFile, call.body);
  await rm(logFile, { force: true });
  const connections = Math.min(run.concurrency, connectionsMax);
  const headers = ["content-type: application/grpc", "te: trailers", `authorization: Bearer ${call.token}`];
  const args = ["-c", String(connections), "-m", String(run.concurrency / connections), "-t", "1"];
  args.push("-D", String(run.seconds), "-d", bodyFile, `--log-file=${logFile}`);
  for (const header of headers) args.push("-H", header);
  const output = await runTool(h2load.path, [...args, `http://127.0.0.1:${run.port}${call.path}`], {
    libraryPath: h2load.libraryPath,
    timeoutMs: (run.seconds + 20) * 1_000,
  });
  const requests = checkSuccess(output, call.answerSizeBytes, run.concurrency);
  const times = await answerTimesMs(logFile);
  return { requests, seconds: run.seconds, p50Ms: percentile(times, 50), p99Ms: percentile(times, 99) };
}

function checkSuccess(output: string, answerSizeBytes: number, concurrency: number): number {
  const [, succeeded, failed, errored, timedOut] =
    /^requests:.* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/m.exec(output)?.map(Number) ?? [];
  const dataBytes = Number(/^traffic:.*\((\d+)\) data$/m.exec(output)?.[1]);
  const others = /^status codes:.* (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/m.exec(output)?.slice(1).map(Number);
  if (!succeeded || failed || errored || timedOut || !others || others.some((count) => count > 0)) {
    throw new Error(`h2load saw errors: ${output}`);
  }
  // Calls that were cut off at the end may have a partial answer.
  if (Math.abs(dataBytes / answerSizeBytes - succeeded) > concurrency) {
    throw new Error(`h2load got ${dataBytes} bytes for ${succeeded} calls of ${answerSizeBytes} bytes each`);
  }
  return succeeded;
}

/** Each line: when it began, its status, and how many microseconds it took. */
async function answerTimesMs(logFile: string): Promise<number[]> {
  const lines = (await readFile(logFile, "utf8")).trimEnd().split("\n");
  return lines.map((line) => Number(line.split("\t")[2]) / 1_000).sort((a, b) => a - b);
}

function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0;
}
