// The directory of one run, on a real disk, and the end of what an earlier run may have left behind.
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, realpath, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { endLeftovers } from "../../src/embedded/leftovers.ts";
import { lockDataDir } from "../../src/embedded/lock.ts";

// Not the temporary directory: that is often in memory, where fsync costs nothing.
const runsDir = join(import.meta.dirname, "..", "..", ".cache", "bench");

export interface RunDir {
  path: string;
  /** Below it: where Postgres keeps its files. */
  dataDir: string;
  remove(): void;
}

export async function makeRunDir(): Promise<RunDir> {
  await mkdir(runsDir, { recursive: true });
  await removeDeadRuns();
  const path = await realpath(await mkdtemp(join(runsDir, "run-")));
  const dataDir = join(path, "data");
  await mkdir(dataDir, { mode: 0o700 });
  const remove = () => rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  return { path, dataDir, remove };
}

/** A run that was killed with -9 leaves its Postgres running; the lock of its data is free then. */
async function removeDeadRuns(): Promise<void> {
  for (const name of await readdir(runsDir)) {
    const dataDir = join(runsDir, name, "data");
    const info = await stat(join(runsDir, name)).catch(() => undefined);
    // A minute for a run that has just made its directory and holds no lock yet.
    if (!info || Date.now() - info.mtimeMs < 60_000) continue;
    let release: () => void;
    try {
      release = lockDataDir(dataDir);
    } catch {
      continue; // It is running.
    }
    await endLeftovers(join(dataDir, "postgres")).catch(() => {});
    await rm(join(runsDir, name), { recursive: true, force: true });
    release();
  }
}
