// One run of wrk: HTTP/1.1 on kept connections, each with one request at a time.
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Binary } from "../../test/support/debian-packages.ts";
import { runTool } from "../support/children.ts";
import type { HttpSource, Load, LoadRun } from "./load.ts";

const script = join(import.meta.dirname, "load.lua");

interface Result {
  requests: number;
  durationUs: number;
  p50Us: number;
  p99Us: number;
  failed: number;
  refused: number;
}

/** Fails when a single answer was no success. */
export async function runWrk(wrk: Binary, sources: readonly HttpSource[], run: LoadRun): Promise<Load> {
  const { idsFile, hotId, dir } = run;
  // A new tag for each run keeps its names new.
  const args = [idsFile, hotId, `n/${randomBytes(4).toString("hex")}`, String(Math.floor(Math.random() * 2 ** 31))];
  for (const [index, { percent, key, text }] of sources.entries()) {
    const file = join(dir, `request-${index}`);
    await writeFile(file, text);
    args.push(String(percent), key, file);
  }
  const load = ["-t", "1", "-c", String(run.concurrency), "-d", `${run.seconds}s`, "--timeout", "10s", "-s", script];
  const output = await runTool(wrk.path, [...load, `http://127.0.0.1:${run.port}`, "--", ...args], {
    libraryPath: wrk.libraryPath,
    timeoutMs: (run.seconds + 20) * 1_000,
  });
  const line = /^RESULT (.*)$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`wrk gave no result: ${output}`);
  const result = JSON.parse(line) as Result;
  if (result.failed > 0 || result.refused > 0 || result.requests === 0) {
    throw new Error(`of ${result.requests} answers ${result.refused} were errors, ${result.failed} requests got none`);
  }
  return {
    requests: result.requests,
    seconds: result.durationUs / 1e6,
    p50Ms: result.p50Us / 1e3,
    p99Ms: result.p99Us / 1e3,
  };
}
