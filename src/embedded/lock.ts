// Lets one coffer at a time use a data directory, with a lock that the kernel releases when its holder dies.

import { chmodSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StartupError } from "../domain/error/startup-error.ts";

/** A failure of its own kind: a command without the lock may still connect to the server in the directory. */
export class DataDirInUse extends StartupError {}

/**
 * Node has no file locks, but its SQLite uses fcntl locks: they are never stale, even after kill -9, and are seen
 * across containers that share a volume, where process ids are useless. The file stays empty.
 * Nothing else may open it: when a process closes any descriptor of a file, POSIX releases all its locks on that file.
 */
export function lockDataDir(dataDir: string): () => void {
  const path = join(dataDir, "lock");
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("pragma journal_mode = off; begin exclusive");
    // Any process that can open the file can hold the lock.
    chmodSync(path, 0o600);
  } catch (cause) {
    database.close();
    const sqliteBusy = 5;
    if ((cause as { errcode?: number }).errcode !== sqliteBusy) throw cause;
    throw new DataDirInUse(`another coffer uses this data directory (${dataDir})`, { cause });
  }
  return () => database.close();
}
