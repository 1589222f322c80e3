// Shared by the tests of the embedded PostgreSQL: temporary data directories, and servers as processes of their own.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { onTestFinished } from "vitest";
import { startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";

export const isRoot = process.getuid?.() === 0;
export const nobody = { uid: 65534, gid: 65534 };

export function makeTempDir(): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "coffer-embedded-")));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  return dir;
}

/** Stopped with the test, whatever becomes of it. */
export async function start(dataDir: string, log?: (line: string) => void) {
  const server = await startEmbeddedPostgres({ dataDir, log });
  onTestFinished(server.stop);
  return server;
}

export type Served = { child: ChildProcess; url: string; postmasterPid: number };

/** Starts test/embedded/serve.ts; killed with the test together with its postmaster. */
export async function serve(dataDir: string, runAs: { uid: number; gid: number } | object = {}): Promise<Served> {
  const child = launch(dataDir, runAs);
  let problem = "";
  child.stderr.on("data", (chunk: Buffer) => {
    problem += chunk.toString();
  });
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), "line").then(([text]) => String(text)),
    once(child, "exit").then(() => Promise.reject(new Error(problem))),
  ]);
  const ready = JSON.parse(line) as { url: string; postmasterPid: number };
  onTestFinished(() => killIfAlive(ready.postmasterPid));
  return { child, ...ready };
}

export function launch(dataDir: string, runAs: { uid: number; gid: number } | object = {}) {
  const script = fileURLToPath(new URL("./serve.ts", import.meta.url));
  const child = spawn(process.execPath, [script, dataDir], { stdio: ["ignore", "pipe", "pipe"], cwd: "/", ...runAs });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  return child;
}

export async function killAndWait(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

/** False for a zombie: not everywhere is there somebody to bury orphans. */
export function isAlive(pid: number): boolean {
  try {
    return !execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).startsWith("Z");
  } catch {
    return false;
  }
}

/** Returns the standard error and the exit code of a process. */
export async function waitForEnd(child: ChildProcess): Promise<{ code: number | null; stderr: string }> {
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stderr };
}

export async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client(url);
  client.on("error", () => {});
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Keeps the owners, which PostgreSQL insists on. */
export function copyDirectory(from: string, to: string): void {
  execFileSync("cp", ["-a", from, to]);
}
