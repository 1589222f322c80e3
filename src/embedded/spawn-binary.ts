// Runs the bundled binaries: as whom, in which directory, and with nothing of coffer's environment.

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { Readable } from "node:stream";

/** The unprivileged account when coffer runs as root (PostgreSQL refuses root); undefined: as coffer itself. */
export type RunAs = { uid: number; gid: number };

export type BinaryProcess = ChildProcessByStdio<null, Readable, Readable>;

export type SpawnBinaryOptions = {
  cwd: string;
  runAs?: RunAs | undefined;
  /** Handed on as descriptor 3. */
  extraFd?: number | undefined;
  /** Out of coffer's process group: Ctrl-C in a terminal must reach coffer only, which then stops it in order. */
  ownGroup?: boolean;
};

export function spawnBinary(path: string, args: readonly string[], options: SpawnBinaryOptions): BinaryProcess {
  const child = spawn(path, args, {
    cwd: options.cwd,
    // A clean environment: PG* variables would change the server, and coffer's own may hold credentials.
    env: { LC_ALL: "C", PATH: "/usr/bin:/bin" },
    stdio: ["ignore", "pipe", "pipe", ...(options.extraFd === undefined ? [] : [options.extraFd])],
    detached: options.ownGroup ?? false,
    ...options.runAs,
  });
  return child as unknown as BinaryProcess;
}

/**
 * The value of -D for a process that is started inside its data directory.
 *
 * As root the data directory stays 0700 and often lies below a 0700 home, where the unprivileged account cannot go.
 * PostgreSQL makes -D absolute and would fail there. The kernel's link /proc/self/cwd is absolute already and leads to
 * the directory the process was put into (by root, before it dropped its rights) without passing through the parents.
 * PostgreSQL's children inherit the working directory and never leave it.
 */
export function dataDirArgument(clusterDir: string): string {
  return process.platform === "linux" && existsSync("/proc/self/cwd") ? "/proc/self/cwd" : clusterDir;
}

export type Finished = { code: number | null; output: string };

/** Runs to the end; a binary that cannot be started at all rejects. */
export function runBinary(path: string, args: readonly string[], options: SpawnBinaryOptions): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawnBinary(path, args, options);
    let output = "";
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}
