// Decides which account the bundled PostgreSQL runs as.

import { stat } from "node:fs/promises";
import { StartupError } from "../domain/error/startup-error.ts";
import type { RunAs } from "./spawn-binary.ts";

// "nobody" on every Linux. initdb requires a uid that has a name.
const unprivileged: RunAs = { uid: 65534, gid: 65534 };

/** `clusterDir` exists. Root runs PostgreSQL as its owner, so that both root and that user can serve the cluster. */
export async function chooseRunAs(clusterDir: string | undefined): Promise<RunAs | undefined> {
  const me = process.getuid?.() ?? 0;
  const owner = clusterDir === undefined ? undefined : await stat(clusterDir);
  if (me !== 0) {
    if (owner && owner.uid !== me) {
      throw new StartupError(`${clusterDir} belongs to another user (uid ${owner.uid}); start coffer as that user`);
    }
    return undefined;
  }
  if (process.platform !== "linux") {
    throw new StartupError(
      "the bundled PostgreSQL runs as root on Linux only; start coffer as an ordinary user or set COFFER_DATABASE_URL",
    );
  }
  if (!owner) return unprivileged;
  if (owner.uid === 0) {
    const fix = `chown -R ${unprivileged.uid}:${unprivileged.gid} ${clusterDir}`;
    throw new StartupError(`${clusterDir} belongs to root, as whom PostgreSQL does not run; run: ${fix}`);
  }
  return { uid: owner.uid, gid: owner.gid };
}
