// Lets one coffer at a time use a data directory, by a lock that the kernel drops when its holder dies.

import { chmodSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StartupError } from "../domain/error/startup-error.ts";

/** Told apart from other failures: what may not have the directory to itself may still talk to the server in it. */
export class DataDirInUse extends StartupError {}

/**
 * Node has no file locks of its own, but its SQLite takes real ones (fcntl): never stale, even after kill -9, and seen
 * across containers that share a volume, where process ids say nothing. The file stays empty; nothing is stored in it.
 * Nothing else may open it: when a process closes any descriptor of a file, POSIX drops all the locks it has there.
 */
export function lockDataDir(dataDir: string): () => void {
  const path = join(dataDir, "lock");
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("pragma journal_mode = off; begin exclusive");
    // Who can open it can hold it.
    chmodSync(path, 0o600);
  } catch (cause) {
    database.close();
    const sqliteBusy = 5;
    if ((cause as { errcode?: number }).errcode !== sqliteBusy) throw cause;
    throw new DataDirInUse(`another coffer uses this data directory (${dataDir})`, { cause });
  }
  return () => database.close();
}
