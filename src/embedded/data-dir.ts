// The data directory, private to the user that coffer runs as.
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/** Creates the directory and its missing parents, for the owner only. An existing directory is not changed. */
export async function createDataDir(dataDir: string): Promise<void> {
  if (existsSync(dataDir)) return;
  // Without `recursive`: on file systems that refuse new directories with ENOENT, such as /proc, Node would loop for ever.
  if (dirname(dataDir) !== dataDir) await createDataDir(dirname(dataDir));
  await mkdir(dataDir, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}
