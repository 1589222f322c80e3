// The path by which clients reach the server's Unix socket, which lies in the cluster directory.

import { createHash } from "node:crypto";
import { lstat, lutimes, mkdir, readlink, rename, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StartupError } from "../domain/error/startup-error.ts";

// 108 bytes with the closing zero on Linux, 104 on macOS.
const socketPathBytesMax = 103;
const refreshEveryMs = 6 * 3_600_000;

export type SocketDir = { path: string; remove(): Promise<void> };

/**
 * The cluster directory is 0700, so that no other user can try the password. The server binds a relative path
 * and has no limit. A client whose path is too long uses a short link in the temporary directory.
 */
export async function reachSocketDir(clusterDir: string, tmpDirs = [tmpdir(), "/tmp"]): Promise<SocketDir> {
  if (fits(clusterDir)) return { path: clusterDir, remove: async () => {} };
  const hash = createHash("sha256").update(clusterDir).digest("hex").slice(0, 16);
  const shortDir = tmpDirs.map((dir) => join(dir, `coffer-${hash}`)).find((dir) => fits(join(dir, "s")));
  if (!shortDir) throw new StartupError(`the path ${clusterDir} is too long for a Unix socket, and so is TMPDIR`);
  const refresh = () => linkPrivately(shortDir, clusterDir);
  await refresh();
  // Cleaners of temporary directories remove old files.
  const timer = setInterval(() => void refresh().catch(() => {}), refreshEveryMs).unref();
  return {
    path: join(shortDir, "s"),
    remove: async () => {
      clearInterval(timer);
      await rm(shortDir, { recursive: true, force: true });
    },
  };
}

function fits(socketDir: string): boolean {
  return Buffer.byteLength(join(socketDir, ".s.PGSQL.5432")) <= socketPathBytesMax;
}

async function linkPrivately(shortDir: string, clusterDir: string): Promise<void> {
  await mkdir(shortDir, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  const info = await lstat(shortDir);
  // The name can be guessed and any user can write to the temporary directory: another user's server must not get our password.
  if (!info.isDirectory() || info.uid !== process.getuid?.() || (info.mode & 0o077) !== 0) {
    throw new StartupError(`${shortDir} is not a private directory of this user; remove it`);
  }
  const link = join(shortDir, "s");
  if ((await readlink(link).catch(() => undefined)) !== clusterDir) {
    await rm(`${link}.new`, { force: true });
    await symlink(clusterDir, `${link}.new`);
    await rename(`${link}.new`, link);
  }
  const now = new Date();
  await lutimes(link, now, now);
  await lutimes(shortDir, now, now);
}
