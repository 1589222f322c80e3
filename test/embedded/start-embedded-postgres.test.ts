// Guarantees of an ordinary life: first start, later starts, restart in place, one coffer a directory.

import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { expect, test } from "vitest";
import { StartupError } from "../../src/domain/error/startup-error.ts";
import { reachSocketDir } from "../../src/embedded/socket-dir.ts";
import { startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";
import { isAlive, launch, makeTempDir, query, start, waitForEnd } from "./harness.ts";

test("a first start makes a private, durable cluster without TCP, and a second one finds its data", async () => {
  const dataDir = join(makeTempDir(), "not", "there", "yet");
  process.env["COFFER_TEST_CANARY"] = "canary";
  const first = await start(dataDir);
  delete process.env["COFFER_TEST_CANARY"];
  expect(modeOf(dataDir)).toBe(0o700);
  expect(modeOf(join(dataDir, "lock"))).toBe(0o600);
  expect(modeOf(join(dataDir, "postgres-password"))).toBe(0o600);
  expect(modeOf(join(dataDir, "postgres"))).toBe(0o700);

  const facts = await query(
    first.url,
    `select current_user as role, current_setting('listen_addresses') as tcp, current_setting('fsync') as fsync,
            current_setting('synchronous_commit') as synchronous_commit,
            current_setting('data_checksums') as checksums, current_setting('server_encoding') as encoding,
            datname as database, datcollate as collation
       from pg_database where datname = current_database()`,
  );
  const durable = { fsync: "on", synchronous_commit: "on", checksums: "on" };
  const names = { role: "coffer", database: "coffer", collation: "C", encoding: "UTF8", tcp: "" };
  expect(facts).toEqual([{ ...durable, ...names }]);

  const wrong = new Client({ ...first.connection, password: "guess" });
  await expect(wrong.connect()).rejects.toThrow(/password authentication failed/);
  if (process.platform === "linux") {
    expect(readFileSync(`/proc/${first.pid()}/environ`, "utf8")).not.toContain("canary");
  }

  await query(first.url, "create table note as select 'kept' as text");
  await first.stop();
  expect(isAlive(first.pid())).toBe(false);
  expect(existsSync(join(dataDir, "postgres", "postmaster.pid"))).toBe(false);
  const second = await start(dataDir);
  expect(await query(second.url, "select text from note")).toEqual([{ text: "kept" }]);
});

test("a second coffer on one data directory is refused in one line until the first one has stopped", async () => {
  const dataDir = makeTempDir();
  const first = await start(dataDir);
  const message = `another coffer uses this data directory (${dataDir})`;
  // Twice: a refused attempt must not loosen the lock.
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(new StartupError(message));
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(message);
  expect(await waitForEnd(launch(dataDir))).toEqual({ code: 1, stderr: `${message}\n` });
  expect(await query(first.url, "select 1 as one")).toEqual([{ one: 1 }]);

  // Stopped while it is about to be started again.
  const killed = first.pid();
  process.kill(killed, "SIGKILL");
  await expect.poll(() => isAlive(killed)).toBe(false);
  await first.stop();
  expect(isAlive(first.pid())).toBe(false);
  await (await start(dataDir)).stop();
});

test("a killed postmaster comes back on the same socket, until it cannot and is given up with its reason", async () => {
  // A long path, so that the short way to the socket is seen to survive as well.
  const dataDir = join(makeTempDir(), "long".repeat(40), "data");
  const log: string[] = [];
  const server = await start(dataDir, (line) => log.push(line));
  expect(server.connection.host.length).toBeLessThan(90);
  await query(server.url, "create table note (n int)");
  for (let round = 1; round <= 2; round += 1) {
    await query(server.url, `insert into note values (${round})`);
    const killed = server.pid();
    process.kill(killed, "SIGKILL");
    await expect.poll(() => server.pid(), { timeout: 30_000 }).not.toBe(killed);
    expect(await query(server.url, "select count(*)::int as count from note")).toEqual([{ count: round }]);
  }
  expect(log.join("\n")).toContain("ended (signal SIGKILL), starting it again");

  rmSync(join(dataDir, "postgres", "global", "pg_control"));
  process.kill(server.pid(), "SIGKILL");
  expect(await server.exited).toMatch(/did not start: could not find the database system/);
  await server.stop();
  expect(isAlive(server.pid())).toBe(false);
  expect(existsSync(server.connection.host)).toBe(false);
});

test("a path that somebody else prepared in the temporary directory is not trusted", async () => {
  const clusterDir = join(makeTempDir(), "long".repeat(40));
  const first = await reachSocketDir(clusterDir);
  const shortDir = join(first.path, "..");
  await first.remove();
  expect(shortDir.startsWith(tmpdir())).toBe(true);
  mkdirSync(shortDir, { mode: 0o755 });
  await expect(reachSocketDir(clusterDir)).rejects.toThrow(/not a private directory of this user/);
  rmSync(shortDir, { recursive: true });
});

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}
