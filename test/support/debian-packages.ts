// Programs out of Debian's packages, unpacked below .cache without being installed and without root.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { access, chmod, constants, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

export type Binary = { path: string; libraryPath: string | undefined };

const run = promisify(execFile);
const cacheRoot = join(import.meta.dirname, "..", "..", ".cache");

/** Returns undefined without apt. `what` is the name of the directory below .cache. */
export async function unpackBinary(
  what: string,
  packages: readonly string[],
  name: string,
): Promise<Binary | undefined> {
  if (!existsSync("/etc/debian_version") || !(await findOnPath("apt-get"))) return undefined;
  const cacheDir = join(cacheRoot, what);
  const rootDir = join(cacheDir, "root");
  await unpackOnce(cacheDir, rootDir, packages);
  // By this very name: the same program under another name may be another tool.
  const path = await findIn([join(rootDir, "usr", "bin"), join(rootDir, "usr", "sbin")], name);
  if (path === undefined) throw new Error(`no ${name} in ${rootDir}; remove ${cacheDir} and try again`);
  return { path, libraryPath: await findLibraryPath(rootDir) };
}

export function findOnPath(name: string): Promise<string | undefined> {
  return findIn((process.env["PATH"] ?? "").split(delimiter), name);
}

async function findIn(dirs: readonly string[], name: string): Promise<string | undefined> {
  for (const dir of dirs) {
    const path = join(dir, name);
    if (dir !== "" && (await isExecutable(path))) return path;
  }
  return undefined;
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

const unpacking = new Map<string, Promise<void>>();

/** One process at a time unpacks, the others wait for it and find everything there. */
function unpackOnce(cacheDir: string, rootDir: string, packages: readonly string[]): Promise<void> {
  const running = unpacking.get(cacheDir);
  if (running) return running;
  const started = (async () => {
    if (existsSync(rootDir)) return;
    await mkdir(cacheDir, { recursive: true });
    const release = await takeLock(join(cacheDir, "lock"));
    try {
      if (!existsSync(rootDir)) await unpack(cacheDir, rootDir, packages);
    } finally {
      release();
    }
  })();
  unpacking.set(cacheDir, started);
  return started;
}

/** SQLite's file lock, which goes when its holder dies. It is asked for again and again: its own waiting is not async. */
async function takeLock(path: string): Promise<() => void> {
  const database = new DatabaseSync(path, { timeout: 0 });
  for (const deadline = Date.now() + 120_000; ; await sleep(100)) {
    try {
      database.exec("pragma journal_mode = off; begin exclusive");
      return () => database.close();
    } catch (error) {
      if (Date.now() < deadline) continue;
      database.close();
      throw error;
    }
  }
}

async function unpack(cacheDir: string, rootDir: string, packages: readonly string[]): Promise<void> {
  // apt requires directories of its own; none of the system's is written to.
  const apt = await mkdtemp(join(cacheDir, "apt-"));
  const root = await mkdtemp(join(cacheDir, "root-"));
  try {
    await mkdir(join(apt, "lists", "partial"), { recursive: true });
    await mkdir(join(apt, "cache", "archives", "partial"), { recursive: true });
    const options = [
      `Dir::State=${apt}`,
      `Dir::State::lists=${join(apt, "lists")}`,
      "Dir::State::status=/var/lib/dpkg/status",
      `Dir::Cache=${join(apt, "cache")}`,
      `Dir::Log=${apt}`,
      "APT::Sandbox::User=", // As the caller; apt would drop root for its own account, which may not reach the checkout.
      "Debug::NoLocking=1",
      "APT::Get::List-Cleanup=0",
      "Acquire::Languages=none",
    ].flatMap((option) => ["-o", option]);
    const env = { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
    await run("apt-get", [...options, "-q", "update"], { env, maxBuffer: 16 << 20 });
    const install = ["install", "--download-only", "-y", "--no-install-recommends", ...packages];
    await run("apt-get", [...options, "-q", ...install], { env, maxBuffer: 16 << 20 });
    const archives = join(apt, "cache", "archives");
    for (const name of (await readdir(archives)).filter((file) => file.endsWith(".deb"))) {
      await run("dpkg-deb", ["-x", join(archives, name), root]);
    }
    await chmod(root, 0o755);
    await rename(root, rootDir);
  } finally {
    await rm(apt, { recursive: true, force: true });
    await rm(root, { recursive: true, force: true });
  }
}

async function findLibraryPath(rootDir: string): Promise<string> {
  const bases = [join(rootDir, "usr", "lib"), join(rootDir, "lib")].filter(existsSync);
  const dirs: string[] = [];
  for (const base of bases) {
    const entries = await readdir(base, { withFileTypes: true });
    dirs.push(base, ...entries.filter((entry) => entry.isDirectory()).map((entry) => join(base, entry.name)));
  }
  return dirs.join(delimiter);
}
