// Guarantees about accounts: as root, below a 0700 home, and as an ordinary user.

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, lstatSync, mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { copyBinaries, findBinaries } from "../../src/embedded/binaries.ts";
import { dataDirArgument, runBinary } from "../../src/embedded/spawn-binary.ts";
import { isRoot, launch, makeTempDir, nobody, query, serve, start, waitForEnd } from "./harness.ts";

// False in a checkout below a 0700 home: the other account could not even read the script.
const othersReachCheckout =
  isRoot && spawnSync(process.execPath, ["-e", ""], { cwd: import.meta.dirname, ...nobody }).status === 0 && reads();

function reads(): boolean {
  return spawnSync("test", ["-r", join(import.meta.dirname, "serve.ts")], { cwd: "/", ...nobody }).status === 0;
}

test.runIf(isRoot)("root's data below a 0700 home stay there, out of the reach of the server's account", async () => {
  const temp = makeTempDir();
  const home = join(temp, "home");
  mkdirSync(home, { mode: 0o700 });
  chmodSync(temp, 0o755);
  const dataDir = join(home, "coffer", ".coffer");
  const server = await start(dataDir);
  expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
  for (const dir of [home, dataDir]) expect(modeAndOwner(dir)).toEqual([0o700, 0]);
  expect(modeAndOwner(join(dataDir, "postgres-password"))).toEqual([0o600, 0]);
  expect(modeAndOwner(join(dataDir, "postgres"))).toEqual([0o700, nobody.uid]);
  expect(statSync(`/proc/${server.pid()}`).uid).toBe(nobody.uid);

  // The restart, too, happens without a way through the parents.
  const killed = server.pid();
  process.kill(killed, "SIGKILL");
  await expect.poll(() => server.pid(), { timeout: 30_000 }).not.toBe(killed);
  expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
  await server.stop();

  if (!othersReachCheckout) return;
  const { code, stderr } = await waitForEnd(launch(dataDir, nobody));
  expect(code).toBe(1);
  expect(stderr).toMatch(/^the bundled PostgreSQL cannot use the data directory .*permission denied.*\n$/);
});

test.runIf(isRoot)("binaries out of reach are copied once to where the server's account can run them", async () => {
  const { postgres } = await findBinaries(undefined);
  const nativeDir = join(dirname(postgres), "..");
  const temp = makeTempDir();
  chmodSync(temp, 0o755);
  const cacheDir = join(temp, "cache");
  const umask = process.umask(0o077);
  onTestFinished(() => void process.umask(umask));

  const copied = await copyBinaries(nativeDir, nobody, cacheDir);
  expect(modeAndOwner(copied.postgres)).toEqual([0o755, 0]);
  const { ctimeMs } = statSync(copied.postgres);
  expect(await copyBinaries(nativeDir, nobody, cacheDir)).toEqual(copied);
  expect(statSync(copied.postgres).ctimeMs).toBe(ctimeMs);

  const cluster = join(temp, "cluster");
  mkdirSync(cluster, { mode: 0o700 });
  chownSync(cluster, nobody.uid, nobody.gid);
  const args = ["-D", dataDirArgument(cluster), "--no-sync", "-A", "trust"];
  expect(await runBinary(copied.initdb, args, { cwd: cluster, runAs: nobody })).toMatchObject({ code: 0 });

  chmodSync(cacheDir, 0o777);
  const copying = copyBinaries(nativeDir, nobody, cacheDir);
  await expect(copying).rejects.toThrow(/must be a directory of root that nobody else can write to/);
});

test.runIf(othersReachCheckout)(
  "an ordinary user's coffer runs as that user; root and the user take turns",
  async () => {
    const temp = makeTempDir();
    chownSync(temp, nobody.uid, nobody.gid);
    const dataDir = join(temp, "data");
    const { child, url, postmasterPid } = await serve(dataDir, nobody);
    expect(statSync(`/proc/${postmasterPid}`).uid).toBe(nobody.uid);
    expect(modeAndOwner(dataDir)).toEqual([0o700, nobody.uid]);
    await query(url, "create table note as select 1 as n");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);

    const asRoot = await start(dataDir);
    expect(await query(asRoot.url, "select n from note")).toEqual([{ n: 1 }]);
    await asRoot.stop();

    const again = await serve(dataDir, nobody);
    expect(await query(again.url, "select n from note")).toEqual([{ n: 1 }]);
  },
);

function modeAndOwner(path: string): [number, number] {
  const { mode, uid } = lstatSync(path);
  return [mode & 0o777, uid];
}
