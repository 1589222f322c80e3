// Finds and ends the PostgreSQL processes that a killed coffer (or a killed postmaster) left on a cluster.

import { execFile } from "node:child_process";
import { readdir, readFile, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { StartupError } from "../domain/error/startup-error.ts";

type Leftover = { pid: number; isPostmaster: boolean };

/**
 * Returns the cluster_name of a server, which identifies its processes: it is in the postmaster's arguments and in every
 * child's title. postmaster.pid alone is not enough, because another process may have its number. The inode stays when the
 * directory is moved.
 */
export async function clusterName(clusterDir: string): Promise<string> {
  const { dev, ino } = await stat(clusterDir);
  return `coffer-${dev.toString(16)}-${ino.toString(16)}`;
}

/**
 * Call it only with the lock of the data directory. A running postmaster is stopped, not adopted:
 * only a server that this process started has known settings, a log, and an exit that is noticed immediately.
 */
export async function endLeftovers(clusterDir: string): Promise<void> {
  const name = await clusterName(clusterDir);
  const { uid } = await stat(clusterDir);
  // Children without a postmaster cannot finish anything. Their work is in the write-ahead log.
  const stages = (await findProcesses(name, uid)).some((process) => process.isPostmaster)
    ? [["SIGINT", 5_000] as const, ["SIGQUIT", 2_000] as const, ["SIGKILL", 5_000] as const]
    : [["SIGKILL", 5_000] as const];
  for (const [signal, waitMs] of stages) {
    for (const { pid, isPostmaster } of await findProcesses(name, uid)) {
      if (!isPostmaster && signal !== "SIGKILL") continue;
      killQuietly(pid, signal);
      killQuietly(pid, "SIGCONT"); // A stopped process handles no other signal.
    }
    if (await waitUntilGone(name, uid, waitMs)) break;
  }
  const [survivor] = await findProcesses(name, uid);
  if (survivor) throw new StartupError(`process ${survivor.pid} still uses ${clusterDir} and does not end`);
  await removeStaleLockFiles(clusterDir);
}

/** Ignores a process that has already ended. */
export function killQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/**
 * PostgreSQL refuses to start over a lock file that is empty (power cut) or names any running process
 * (process ids start again after a reboot or in a new container). No process of this cluster is running, as checked above.
 */
async function removeStaleLockFiles(clusterDir: string): Promise<void> {
  for (const name of ["postmaster.pid", ".s.PGSQL.5432.lock"]) {
    const path = join(clusterDir, name);
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text === undefined) continue;
    const pid = Number.parseInt(text, 10);
    // PostgreSQL removes the file of a dead process itself, and then also checks its shared memory.
    if (!(pid > 0) || isAlive(pid)) await unlink(path);
  }
}

/** Also true for zombies: PostgreSQL cannot distinguish them either. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function waitUntilGone(name: string, uid: number, waitMs: number): Promise<boolean> {
  for (const deadline = Date.now() + waitMs; Date.now() < deadline; await sleep(20)) {
    if ((await findProcesses(name, uid)).length === 0) return true;
  }
  return false;
}

async function findProcesses(name: string, uid: number): Promise<Leftover[]> {
  const all = process.platform === "linux" ? await listFromProc(uid) : await listFromPs(uid);
  return all.flatMap(({ pid, command }) => {
    const isPostmaster = `${command} `.includes(` cluster_name=${name} `);
    return isPostmaster || command.startsWith(`postgres: ${name}: `) ? [{ pid, isPostmaster }] : [];
  });
}

type Listed = { pid: number; command: string };

async function listFromProc(uid: number): Promise<Listed[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const listed = await Promise.all(
    pids.map(async (pid): Promise<Listed[]> => {
      try {
        if ((await stat(`/proc/${pid}`)).uid !== uid) return [];
        const command = await readFile(`/proc/${pid}/cmdline`, "utf8");
        return [{ pid: Number(pid), command: command.replaceAll("\0", " ").trimEnd() }];
      } catch {
        return []; // The process has ended.
      }
    }),
  );
  return listed.flat();
}

async function listFromPs(uid: number): Promise<Listed[]> {
  const { stdout } = await promisify(execFile)("ps", ["-axwwo", "pid=,uid=,command="], { maxBuffer: 64 << 20 });
  return stdout.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line);
    return match && Number(match[2]) === uid ? [{ pid: Number(match[1]), command: match[3] ?? "" }] : [];
  });
}
