// An instance of coffer that does nothing but its jobs, and what its log says of the purge.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";

export interface PurgeRun {
  items: number;
  transactions: number;
  longestTransactionMs: number;
  durationMs: number;
}

export interface Purging {
  /** Resolves when the first secrets are gone. */
  begun(database: pg.Client): Promise<void>;
  /** Resolves when there are no more. */
  ended(): Promise<PurgeRun>;
  stop(): Promise<void>;
}

export function startPurging(env: Readonly<Record<string, string>>, projectDir: string): Purging {
  const child = spawn(process.execPath, [join(projectDir, "src", "main.ts"), "serve"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env["PATH"] ?? "", ...env, COFFER_JOBS: "on", COFFER_JOBS_INTERVAL_MS: "500" },
  });
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  const { promise, resolve, reject } = Promise.withResolvers<PurgeRun>();
  promise.catch(() => {});
  child.once("exit", () => reject(new Error("the instance that purges has ended")));
  createInterface({ input: child.stdout }).on("line", (line) => {
    const record = JSON.parse(line) as PurgeRun & { msg: string; job?: string };
    if (record.msg === "job" && record.job === "PurgeSecrets") resolve(record);
    if (record.msg === "a job failed") reject(new Error(line));
  });
  return {
    begun: (database) => untilFirstEvent(database),
    ended: () => promise,
    async stop() {
      process.off("exit", kill);
      await stop(child);
    },
  };
}

async function untilFirstEvent(database: pg.Client): Promise<void> {
  const text = "select 1 from audit_event where principal_id = 'system' limit 1";
  while ((await database.query(text)).rows.length === 0) await sleep(50);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
}
