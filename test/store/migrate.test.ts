// The schema: made once however many start together, never half, and refused when it is not this coffer's.
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import { StartupError } from "../../src/domain/error/startup-error.ts";
import type { Sql } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrate.ts";
import { createTestDatabase } from "../support/database.ts";

async function emptyDatabase(): Promise<{ url: string; client: Client }> {
  const { url, drop } = await createTestDatabase("template0");
  const client = new Client(url);
  await client.connect();
  onTestFinished(async () => {
    await client.end();
    await drop();
  });
  return { url, client };
}

const tables = async (client: Client) =>
  (await client.query("select tablename from pg_tables where schemaname = 'public' order by 1")).rows.map(
    ({ tablename }) => tablename,
  );
const applied = async (client: Client) => (await client.query("select * from schema_migration order by number")).rows;

describe("an empty database", () => {
  it("gets the whole schema once, from eight starts at the same time", async () => {
    const { url, client } = await emptyDatabase();
    await Promise.all(Array.from({ length: 8 }, () => migrate(url)));
    const rows = await applied(client);
    expect(rows.map(({ number }) => number)).toEqual(rows.map((_, index) => index + 1));
    expect(await tables(client)).toEqual(
      expect.arrayContaining(["audit_event", "idempotency", "secret", "secret_version"]),
    );
    await migrate(url);
    await migrate(url, { checkOnly: true });
    expect(await applied(client)).toEqual(rows);
  });

  it("is refused by a start that may only check, and stays empty", async () => {
    const { url, client } = await emptyDatabase();
    const refused = migrate(url, { checkOnly: true });
    await expect(refused).rejects.toThrow(StartupError);
    await expect(refused).rejects.toThrow(/^the database's schema is at 0, this coffer needs \d+; start once with/);
    expect(await tables(client)).toEqual([]);
  });

  it("stays empty when a migration fails in the middle, and gets the whole schema later", async () => {
    const { url, client } = await emptyDatabase();
    await client.query("create table audit_event ()");
    await expect(migrate(url)).rejects.toThrow(/^cannot use the database: relation "audit_event" already exists$/);
    expect(await tables(client)).toEqual(["audit_event"]);
    await client.query("drop table audit_event");
    await migrate(url);
    expect(await applied(client)).not.toEqual([]);
  });
});

describe("what belongs to a migration and is no SQL", () => {
  it("is done with it, once, or the migration is not", async () => {
    const { url, client } = await emptyDatabase();
    const seen: unknown[] = [];
    const failing = { "credential-macs": () => Promise.reject(new Error("not now")) };
    await expect(migrate(url, { steps: failing })).rejects.toThrow("not now");
    const before = await applied(client);
    expect(before.map(({ name }) => name)).not.toContainEqual(expect.stringMatching(/credential-macs/));
    const steps = {
      "credential-macs": async (sql: Sql) => {
        seen.push(
          ...(await sql.query({ name: "x", text: "select credential_mac from secret where $1", values: [true] })),
        );
        seen.push("done");
      },
    };
    await migrate(url, { steps });
    await migrate(url, { steps });
    expect(seen).toEqual(["done"]);
    expect((await applied(client)).length).toBeGreaterThan(before.length);
  });

  it("is not forgotten when it names no migration", async () => {
    const { url } = await emptyDatabase();
    await expect(migrate(url, { steps: { misnamed: async () => {} } })).rejects.toThrow(
      "no migration is named misnamed",
    );
  });
});

describe("while others are at work", () => {
  /** Collects the lines that a migration logs while it waits. */
  const collect = () => {
    const lines: { message: string; details: Record<string, unknown> }[] = [];
    return { lines, log: (message: string, details: Record<string, unknown>) => void lines.push({ message, details }) };
  };

  it("a migration that needs a table for itself delays nobody by more than a second, and is tried until it can be done", async () => {
    const { url, client } = await emptyDatabase();
    const lastButOne = { "egress-surfaces": () => Promise.reject(new Error("not yet")) };
    await expect(migrate(url, { steps: lastButOne })).rejects.toThrow("not yet");
    // As a dump does.
    await client.query("begin");
    await client.query("select from egress_event");
    const { lines, log } = collect();
    const migrating = migrate(url, { log });
    const reader = new Client(url);
    await reader.connect();
    let slowestMs = 0;
    for (const end = performance.now() + 4_000; performance.now() < end; await sleep(50)) {
      const start = performance.now();
      await reader.query("select from egress_event");
      slowestMs = Math.max(slowestMs, performance.now() - start);
    }
    await reader.end();
    await client.query("commit");
    await migrating;
    expect(slowestMs).toBeLessThan(1_500);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines[0]).toMatchObject({
      message: "a migration could not lock a table that is in use and tries again",
      details: { migration: "0018-egress-surfaces.sql", attempt: 1 },
    });
  });

  it("an instance that waits for the migration lock logs who holds it, and since when", async () => {
    const { url, client } = await emptyDatabase();
    await client.query("select pg_advisory_lock(4015262901)");
    const [{ pid }] = (await client.query("select pg_backend_pid() as pid")).rows;
    const { lines, log } = collect();
    const migrating = migrate(url, { log });
    await sleep(1_000);
    await client.query("select pg_advisory_unlock(4015262901)");
    await migrating;
    expect(lines).toEqual([
      {
        message: "waiting for another instance, which holds the migration lock",
        details: expect.objectContaining({
          waitingSince: expect.any(Date),
          holderPid: pid,
          holderConnectedSince: expect.any(Date),
        }),
      },
    ]);
  });
});

describe("tables of events that hold some", () => {
  it("are partitioned with all that they hold, go on counting, and keep the indexes that they had", async () => {
    const { client } = await emptyDatabase();
    const folder = join(import.meta.dirname, "../../src/store/migrations");
    const files = readdirSync(folder).sort();
    const run = async (from: string, to: string) => {
      for (const file of files.filter((name) => name >= from && name < to)) {
        const text = readFileSync(join(folder, file), "utf8");
        const isWithout = text.startsWith("-- Without a transaction.");
        for (const part of isWithout ? text.split(";\n") : [`begin; ${text}; commit`]) await client.query(part);
      }
    };
    await run("0001", "0025");
    await client.query("create index audit_event_by_other on audit_event (workspace_id, principal_id, event_time)");
    await client.query(`insert into audit_event (workspace_id, event_id, event_time, request_id, principal_id, token_id, method,
        resource_type, resource_id, decision, rule, address, user_agent, result, occurrences)
      select 'ws', 'aud_' || n, now() - n * interval '1 day', '', 'prn', '', 'm', 'none', '', 'ALLOW', '', '', '', 'OK', 1
      from generate_series(1, 500) n`);
    const egress = (
      first: number,
    ) => `insert into egress_event (workspace_id, event_id, sandbox_id, method, host, path, status,
        latency_ms, request_bytes, response_bytes, error_code)
      select 'ws', 'egr_' || n, 'sbx', 'GET', 'h', '/', 200, 1, 1, 1, '' from generate_series(${first}, ${first + 99}) n`;
    await client.query(egress(1));
    await run("0025", "9999");
    await client.query(egress(101));
    const { rows } =
      await client.query(`select (select count(*)::int from audit_event) as audit, count(*)::int as egress,
      count(distinct event_number)::int as numbers, max(event_number)::int as last from egress_event`);
    expect(rows).toEqual([{ audit: 500, egress: 200, numbers: 200, last: 200 }]);
    const { rows: indexed } = await client.query(
      "select indexdef from pg_indexes where tablename = 'audit_event' and indexdef like '%(workspace_id, principal_id, event_time)'",
    );
    expect(indexed).toHaveLength(1);
    // A partition that goes leaves the counting to the others.
    await client.query("drop table egress_event_before");
    await client.query(`alter table audit_event detach partition audit_event_before; drop table audit_event_before`);
    const { rows: next } = await client.query("select nextval('egress_event_number')::int as next");
    expect(next).toEqual([{ next: 201 }]);
  });
});

describe("a schema that is not this coffer's", () => {
  it.each([
    [
      "newer",
      "insert into schema_migration values (9999, '9999-later.sql', 'x')",
      /newer than this coffer, which knows \d+$/,
    ],
    [
      "made by another migration",
      "update schema_migration set checksum = 'x' where number = 1",
      /made by another migration/,
    ],
  ])("(%s) is refused in one line, and left alone", async (_what, change, message) => {
    const { url, client } = await emptyDatabase();
    await migrate(url);
    await client.query(change);
    const before = await applied(client);
    for (const checkOnly of [false, true]) {
      const refused = migrate(url, { checkOnly });
      await expect(refused).rejects.toThrow(StartupError);
      await expect(refused).rejects.toThrow(message);
    }
    expect(await applied(client)).toEqual(before);
  });
});

describe("a database that cannot be used", () => {
  it.each([
    ["there is no server", () => "postgres://coffer:hunter2@127.0.0.1:1/coffer"],
    [
      "there is no such database",
      () => inject("postgresUrl").replace(/\/coffer(?=\?|$)|\/postgres(?=\?|$)/, "/absent"),
    ],
    ["the URL is none", () => "postgres://coffer:hunter2@[oops/coffer"],
    ["the password is wrong", () => inject("postgresUrl").replace(/:[^:@/]+@/, `:${randomBytes(4).toString("hex")}@`)],
  ])("(%s) is one line without the password", async (_what, url) => {
    const error = await migrate(url()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StartupError);
    const { message } = error as StartupError;
    expect(message).toMatch(/^.{10,200}$/);
    expect(message).not.toContain("hunter2");
  });
});
