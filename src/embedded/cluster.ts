// The database cluster on disk: created once, atomically, and checked before every start.

import { randomBytes } from "node:crypto";
import { chown, mkdtemp, open, readdir, readFile, rename, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { StartupError } from "../domain/error/startup-error.ts";
import type { Binaries } from "./binaries.ts";
import { dataDirArgument, type RunAs, runBinary } from "./spawn-binary.ts";

const majorVersion = "18";
const draftPrefix = "postgres.init-";
export const superuser = "coffer";

export type ClusterPaths = { dataDir: string; clusterDir: string; passwordFile: string };

export function clusterPaths(dataDir: string): ClusterPaths {
  return { dataDir, clusterDir: join(dataDir, "postgres"), passwordFile: join(dataDir, "postgres-password") };
}

/** Returns "absent" when the cluster must be created. Never changes an existing directory that is not usable. */
export async function inspectCluster({ clusterDir }: ClusterPaths): Promise<"absent" | "present"> {
  const entries = await readdir(clusterDir).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  if (entries.length === 0) return "absent";
  if (!entries.includes("PG_VERSION")) {
    throw new StartupError(`${clusterDir} holds files but no PostgreSQL cluster; move it away or restore it`);
  }
  const version = (await readFile(join(clusterDir, "PG_VERSION"), "utf8")).trim();
  if (version !== majorVersion) {
    const here = `the bundled one is PostgreSQL ${majorVersion}`;
    throw new StartupError(`${clusterDir} was made by PostgreSQL ${version}, ${here}; nothing was changed`);
  }
  return "present";
}

/**
 * initdb works in a temporary directory, which is renamed when it is complete. A killed initdb
 * is never mistaken for a cluster. Call it only with the lock of the data directory.
 *
 * It uses a password with scram-sha-256, not "peer": when root starts coffer, other daemons may share the account of the server,
 * and peer would let them in.
 * Only coffer can read the password file.
 */
export async function createCluster(paths: ClusterPaths, binaries: Binaries, runAs: RunAs | undefined): Promise<void> {
  await removeDrafts(paths.dataDir);
  const draft = await mkdtemp(join(paths.dataDir, draftPrefix));
  if (runAs) await chown(draft, runAs.uid, runAs.gid);
  const password = randomBytes(32).toString("base64url");
  await runInitdb(paths, draft, password, binaries, runAs);
  // Written before the rename, because a cluster must never exist without its password.
  await writeDurably(paths.passwordFile, `${password}\n`);
  await rename(draft, paths.clusterDir);
  await syncDirectory(paths.dataDir);
}

export async function readPassword({ passwordFile, clusterDir }: ClusterPaths): Promise<string> {
  const text = await readFile(passwordFile, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "ENOENT") throw cause;
    throw new StartupError(`${passwordFile} is missing, which ${clusterDir} needs; restore it`, { cause });
  });
  return text.trim();
}

export async function removeDrafts(dataDir: string): Promise<void> {
  const drafts = (await readdir(dataDir)).filter((name) => name.startsWith(draftPrefix));
  for (const name of drafts) {
    // An initdb of a killed coffer may still be writing there for a moment.
    await rm(join(dataDir, name), { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

async function runInitdb(
  paths: ClusterPaths,
  draft: string,
  password: string,
  binaries: Binaries,
  runAs: RunAs | undefined,
): Promise<void> {
  const passwordForInitdb = await openUnlinked(join(paths.dataDir, `${draftPrefix}password`), password, runAs);
  try {
    const { code, output } = await runBinary(
      binaries.initdb,
      [
        ...["-D", dataDirArgument(draft), "--username", superuser, "--pwfile=/dev/fd/3", "--auth=scram-sha-256"],
        ...["--locale=C", "--encoding=UTF8", "--data-checksums"],
      ],
      { cwd: draft, runAs, extraFd: passwordForInitdb.fd },
    );
    if (code === 0) return;
    const problem = findProblem(output) ?? `exit code ${code}`;
    throw new StartupError(`the bundled PostgreSQL could not make its database files: ${problem}`);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  } finally {
    await passwordForInitdb.close();
  }
}

/** A full disk is reported late in the output. For other failures the first message is the cause. */
function findProblem(output: string): string | undefined {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const line =
    lines.find((text) => /No space left/.test(text)) ??
    lines.find((text) => /error:|ERROR:|FATAL:|PANIC:/.test(text)) ??
    lines.at(-1);
  return line?.replace(/^.*?(ERROR|FATAL|PANIC|error|initdb): +/, "").trim();
}

/** Opens a file that only the account of initdb can read, and unlinks it, so that nothing remains. */
async function openUnlinked(path: string, content: string, runAs: RunAs | undefined) {
  await rm(path, { force: true });
  await writeFile(path, content, { mode: 0o600, flag: "wx" });
  if (runAs) await chown(path, runAs.uid, runAs.gid);
  const file = await open(path, "r");
  await unlink(path);
  return file;
}

async function writeDurably(path: string, content: string): Promise<void> {
  const draft = `${path}.new`;
  await rm(draft, { force: true });
  const file = await open(draft, "wx", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
