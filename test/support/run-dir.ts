// A private temporary directory that disappears with the process, even when the run fails or is interrupted.

import { rmSync } from "node:fs";
import { mkdtemp, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const runDirPrefix = "coffer-test-";

/** The processes of `pids` are ended with SIGKILL when this one leaves without remove(). */
export async function makeRunDir(what: string, pids: () => readonly (number | undefined)[]) {
  const path = await realpath(await mkdtemp(join(tmpdir(), `${runDirPrefix}${what}-`)));
  const removeDirectory = () => rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  const onExit = () => {
    for (const pid of pids()) {
      if (pid === undefined) continue;
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended already.
      }
    }
    removeDirectory();
  };
  process.once("exit", onExit);
  // A closed terminal ends a process without its exit handlers, unless somebody listens.
  if (process.listenerCount("SIGHUP") === 0) process.once("SIGHUP", () => process.exit(129));
  return {
    path,
    remove: () => {
      process.off("exit", onExit);
      removeDirectory();
    },
  };
}
