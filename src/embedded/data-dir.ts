// The data directory: private to the user coffer runs as.
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/** Makes it, and what lacks above it, for its owner only. One that is there stays as it is. */
export async function createDataDir(dataDir: string): Promise<void> {
  if (existsSync(dataDir)) return;
  // Not with `recursive`: on file systems that refuse new directories with ENOENT, such as /proc, Node would try for ever.
  if (dirname(dataDir) !== dataDir) await createDataDir(dirname(dataDir));
  await mkdir(dataDir, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}
