// Runs the bundled binaries with an account, a directory and a clean environment.

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { Readable } from "node:stream";

/** The unprivileged account when coffer runs as root (PostgreSQL refuses root); undefined: as coffer itself. */
export type RunAs = { uid: number; gid: number };

export type BinaryProcess = ChildProcessByStdio<null, Readable, Readable>;

export type SpawnBinaryOptions = {
  cwd: string;
  runAs?: RunAs | undefined;
  /** Passed as descriptor 3. */
  extraFd?: number | undefined;
  /** Outside coffer's process group: Ctrl-C in a terminal must reach only coffer, which then stops the server. */
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
 * For root the data directory stays 0700 and is often below a 0700 home, which the unprivileged account cannot enter.
 * PostgreSQL makes -D absolute and would fail there. The kernel's link /proc/self/cwd is already absolute and leads to
 * the directory in which root started the process, without passing through the parents.
 * PostgreSQL's children inherit the working directory and never leave it.
 */
export function dataDirArgument(clusterDir: string): string {
  return process.platform === "linux" && existsSync("/proc/self/cwd") ? "/proc/self/cwd" : clusterDir;
}

export type Finished = { code: number | null; output: string };

/** Runs a binary to its end. Rejects when it cannot be started. */
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
