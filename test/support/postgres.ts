// The PostgreSQL of a test run: COFFER_TEST_DATABASE_URL, else a throw-away cluster from the bundled binaries.

import { readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endLeftovers } from "../../src/embedded/leftovers.ts";
import { lockDataDir } from "../../src/embedded/lock.ts";
import { startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";
import { makeRunDir, runDirPrefix } from "./run-dir.ts";

export type TestPostgres = {
  /** An administrator's URL: may create databases. */
  url: string;
  /** Undefined for a server that the run did not start. */
  pid: number | undefined;
  /** The directory of its files; undefined as above. */
  clusterDir: string | undefined;
  stop(): Promise<void>;
};

const runName = "postgres";

export async function startTestPostgres(): Promise<TestPostgres> {
  const configured = process.env["COFFER_TEST_DATABASE_URL"];
  if (configured) return { url: configured, pid: undefined, clusterDir: undefined, stop: async () => {} };

  await removeDeadRuns();
  let pid: number | undefined;
  const runDir = await makeRunDir(runName, () => [pid]);
  try {
    const server = await startEmbeddedPostgres({
      dataDir: runDir.path,
      // Nothing of it has to survive the run.
      settings: { fsync: "off", full_page_writes: "off", synchronous_commit: "off", max_connections: "400" },
    });
    pid = server.pid();
    const stop = async () => {
      await server.stop();
      pid = undefined;
      runDir.remove();
    };
    return { url: server.url, pid, clusterDir: join(runDir.path, "postgres"), stop };
  } catch (error) {
    runDir.remove();
    throw error;
  }
}

/** A run that was killed with -9 leaves its server behind. Its lock is free then, which a living run's never is. */
async function removeDeadRuns(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(`${runDirPrefix}${runName}-`)) continue;
    const dir = join(tmpdir(), name);
    const info = await stat(dir).catch(() => undefined);
    // A minute for a run that has just made its directory and holds no lock yet.
    if (!info || info.uid !== process.getuid?.() || Date.now() - info.mtimeMs < 60_000) continue;
    let release: () => void;
    try {
      release = lockDataDir(dir);
    } catch {
      continue;
    }
    try {
      await endLeftovers(join(dir, "postgres"));
    } catch {
      // Killed before it had a cluster: nothing runs there.
    }
    await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    release();
  }
}
