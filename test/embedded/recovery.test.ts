// Guarantees after violence: killed processes, stale and torn files, and directories that are not ours to repair.

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { StartupError } from "../../src/domain/error/startup-error.ts";
import { startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";
import { copyDirectory, isAlive, killAndWait, launch, makeTempDir, query, serve, start } from "./harness.ts";

let template = "";

beforeAll(async () => {
  template = realpathSync(mkdtempSync(join(tmpdir(), "coffer-embedded-template-")));
  const server = await startEmbeddedPostgres({ dataDir: template });
  await query(server.url, "create table note (n int)");
  await server.stop();
});

afterAll(() => rmSync(template, { recursive: true, force: true }));

/** A data directory with a cleanly stopped cluster. */
function makeUsedDataDir(): string {
  const dataDir = join(makeTempDir(), "data");
  copyDirectory(template, dataDir);
  return dataDir;
}

test("after kill -9 of coffer and PostgreSQL amid writes, every acknowledged row is there", async () => {
  const dataDir = makeUsedDataDir();
  const { child, url, postmasterPid } = await serve(dataDir);
  const client = new Client(url);
  client.on("error", () => {});
  await client.connect();
  let acknowledged = 0;
  const writing = (async () => {
    for (;;) {
      await client.query("insert into note values ($1)", [acknowledged]);
      acknowledged += 1;
    }
  })().catch(() => {});
  await sleep(300);
  process.kill(postmasterPid, "SIGKILL");
  await killAndWait(child);
  const again = await start(dataDir);
  await writing;
  const [row] = await query(again.url, "select count(*)::int as count from note");
  expect(acknowledged).toBeGreaterThan(0);
  // One more may have been written whose answer got lost.
  expect([acknowledged, acknowledged + 1]).toContain(row?.["count"]);
});

test("after kill -9 of coffer alone, the next one replaces the server that runs on, or that hangs", async () => {
  const dataDir = makeUsedDataDir();
  for (const round of [1, 2]) {
    const { child, url, postmasterPid } = await serve(dataDir);
    await query(url, `insert into note values (${round})`);
    await killAndWait(child);
    expect(isAlive(postmasterPid)).toBe(true);
    if (round === 2) process.kill(postmasterPid, "SIGSTOP");
    const next = await start(dataDir);
    expect(next.pid()).not.toBe(postmasterPid);
    expect(isAlive(postmasterPid)).toBe(false);
    expect(await query(next.url, "select count(*)::int as count from note")).toEqual([{ count: round }]);
    await next.stop();
  }
});

test("a stale or torn postmaster.pid does not stop the start, nor is a process touched that it names", async () => {
  const dataDir = makeUsedDataDir();
  const named = (pid: number | string) => `${pid}\n/proc/self/cwd\n1700000000\n5432\n.\n\n1 1\nready\n`;
  for (const content of [named(process.pid), named(deadPid()), "", "\0\0\0\0"]) {
    for (const name of ["postmaster.pid", ".s.PGSQL.5432.lock"]) {
      writeFileSync(join(dataDir, "postgres", name), content);
    }
    const server = await start(dataDir);
    expect(await query(server.url, "select n from note")).toEqual([]);
    await server.stop();
  }
});

function deadPid(): string {
  return execFileSync("/bin/sh", ["-c", "echo $$"], { encoding: "utf8" }).trim();
}

test("an initdb killed half-way is noticed and done again", async () => {
  const dataDir = makeTempDir();
  const child = launch(dataDir);
  const isUnderWay = () => readdirSync(dataDir).some((name) => isDraft(name) && hasBegun(join(dataDir, name)));
  await expect.poll(isUnderWay, { timeout: 30_000, interval: 5 }).toBe(true);
  await killAndWait(child);
  expect(readdirSync(dataDir)).not.toContain("postgres");
  const server = await start(dataDir);
  expect(await query(server.url, "select current_database() as name")).toEqual([{ name: "coffer" }]);
  expect(readdirSync(dataDir).filter(isDraft)).toEqual([]);
});

function isDraft(name: string): boolean {
  return name.startsWith("postgres.init-");
}

function hasBegun(draft: string): boolean {
  try {
    return readdirSync(draft).includes("PG_VERSION");
  } catch {
    return false;
  }
}

test("a coffer told to go in the middle of its start leaves a directory that the next one can use", async () => {
  const dataDir = makeUsedDataDir();
  const child = launch(dataDir);
  await sleep(150);
  child.kill("SIGTERM");
  await once(child, "exit");
  const server = await start(dataDir);
  expect(await query(server.url, "select n from note")).toEqual([]);
});

test("what is not ours to repair is one line, and left as it is", async () => {
  const dataDir = makeUsedDataDir();
  const inCluster = (name: string) => join(dataDir, "postgres", name);

  writeFileSync(inCluster("PG_VERSION"), "17\n");
  const before = readdirSync(inCluster("."));
  expect(await refusal(dataDir)).toMatch(
    /made by PostgreSQL 17, the bundled one is PostgreSQL 18; nothing was changed/,
  );
  expect(readdirSync(inCluster("."))).toEqual(before);
  expect(readFileSync(inCluster("PG_VERSION"), "utf8")).toBe("17\n");
  writeFileSync(inCluster("PG_VERSION"), "18\n");

  const password = readFileSync(join(dataDir, "postgres-password"), "utf8");
  writeFileSync(join(dataDir, "postgres-password"), "another\n");
  expect(await refusal(dataDir)).toMatch(/refuses coffer: password authentication failed/);
  rmSync(join(dataDir, "postgres-password"));
  expect(await refusal(dataDir)).toMatch(/postgres-password is missing/);
  writeFileSync(join(dataDir, "postgres-password"), password);

  const configuration = readFileSync(inCluster("postgresql.conf"), "utf8");
  writeFileSync(inCluster("postgresql.conf"), "no_such_setting = 1\n");
  expect(await refusal(dataDir)).toMatch(/did not start: configuration file .* contains errors/);
  writeFileSync(inCluster("postgresql.conf"), configuration);

  const server = await start(dataDir);
  expect(await query(server.url, "select n from note")).toEqual([]);
});

test("files that are no cluster are refused and left as they are", async () => {
  const dataDir = makeTempDir();
  mkdirSync(join(dataDir, "postgres"));
  writeFileSync(join(dataDir, "postgres", "notes.txt"), "mine");
  expect(await refusal(dataDir)).toMatch(/holds files but no PostgreSQL cluster/);
  expect(readFileSync(join(dataDir, "postgres", "notes.txt"), "utf8")).toBe("mine");
});

test("a data directory that cannot be made is one line", async () => {
  const file = join(makeTempDir(), "file");
  writeFileSync(file, "");
  expect(await refusal(join(file, "data"))).toMatch(/cannot use the data directory .*ENOTDIR/);
});

async function refusal(dataDir: string): Promise<string> {
  const error: unknown = await startEmbeddedPostgres({ dataDir }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(StartupError);
  const { message } = error as StartupError;
  expect(message).not.toContain("\n");
  return message;
}
