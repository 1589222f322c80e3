// The audit trail is sealed behind the calls, and `coffer audit verify` finds what SQL has done to it since.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { beforeAll, describe, expect, it } from "vitest";
import { partitionEvents } from "../../src/jobs/partition-events.ts";
import { sealAuditEvents } from "../../src/jobs/seal-audit-events.ts";
import { verifyTrail } from "../../src/operations/audit/verify.ts";
import { type TestCoffer, useCoffer } from "../support/coffer.ts";
import { commandsOf } from "../support/commands.ts";
import { run as runJob } from "../support/jobs.ts";
import { until } from "../support/poll.ts";
import { type SharedSettings, useProcesses } from "../support/processes.ts";
import { byId, createSecret, readText } from "../support/secrets.ts";

const processes = useProcesses();
const coffer = useCoffer({ redisUrl: null });
let settings: SharedSettings;
let workspaceId = "";
beforeAll(async () => {
  settings = processes.settingsOf(coffer);
  ({ workspaceId } = await coffer.clients().tokens.whoAmI({}));
});

const { run, json } = commandsOf(processes, () => ({ ...settings }));

/** Seals everything; tests beside this one hold transactions open on the same server. */
async function seal(): Promise<void> {
  await until("all is sealed", async () => {
    await runJob(coffer, sealAuditEvents);
    return (await verifyTrail(coffer.deps, workspaceId, { cut: undefined, known: [] })).unsealed === 0;
  });
}
const own = async () =>
  (await json(["audit", "verify"])).trails.find((trail: { workspaceId: string }) => trail.workspaceId === workspaceId);

/** Some events of several transactions, sealed. */
async function someEvents(): Promise<void> {
  const secret = await createSecret(coffer);
  for (let n = 0; n < 4; n++) await readText(coffer, secret);
  await coffer.clients().secrets.deleteSecret(byId(secret.id));
  await seal();
}

/** Runs SQL behind coffer's back, and undoes it afterwards. */
async function tampered<T>(from: TestCoffer, change: string, use: () => Promise<T>): Promise<T> {
  await from.sql(`drop table if exists saved_event, saved_seal;
    create table saved_event as select * from audit_event; create table saved_seal as select * from audit_seal`);
  try {
    await from.sql(change);
    return await use();
  } finally {
    await from.sql(`truncate audit_event, audit_seal; insert into audit_event select * from saved_event;
      insert into audit_seal select * from saved_seal; drop table saved_event, saved_seal`);
  }
}

const nth = (n: number) =>
  `(select event_id from audit_event where workspace_id = '${workspaceId}' order by xact, event_time, event_id offset ${n} limit 1)`;

describe("coffer audit verify", () => {
  it("verifies every event that was sealed, and counts those that are not yet", async () => {
    await someEvents();
    const { unsealed, verified, problems } = await own();
    expect({ unsealed, problems }).toEqual({ unsealed: 0, problems: [] });
    await createSecret(coffer);
    expect(await own()).toMatchObject({ verified, unsealed: 1 });
    await seal();
    expect(await own()).toMatchObject({ verified: verified + 1, unsealed: 0 });
    expect(await runJob(coffer, sealAuditEvents)).toMatchObject({ items: 0 });
  });

  it.each<[string, () => string, RegExp]>([
    ["is missing", () => `delete from audit_event where event_id = ${nth(2)}`, /events were sealed, \d+ are stored/],
    [
      "was changed",
      () => `update audit_event set principal_id = 'prn_other' where event_id = ${nth(2)}`,
      /were changed/,
    ],
    [
      "got another time",
      () => `update audit_event set event_time = event_time + interval '1 microsecond' where event_id = ${nth(2)}`,
      /were changed/,
    ],
    [
      "took the place of another",
      () => `update audit_event a set event_id = case a.event_id when x.a then x.b || '_' else x.a end
        from (select ${nth(1)} as a, ${nth(2)} as b) x where a.event_id in (x.a, x.b);
        update audit_event set event_id = rtrim(event_id, '_')`,
      /were changed/,
    ],
    [
      "was put between others",
      () =>
        `insert into audit_event select (jsonb_populate_record(a, '{"event_id": "aud_forged"}')).* from audit_event a where event_id = ${nth(2)}`,
      /events were sealed, \d+ are stored/,
    ],
    [
      "was put where no seal looks",
      () => `insert into audit_event select (jsonb_populate_record(a, '{"event_id": "aud_forged", "event_time": "2001-01-01T00:00:00Z"}')).*
        from audit_event a where event_id = ${nth(2)}`,
      /events without a seal, although later events have one: 1/,
    ],
    [
      "is missing, and its seal was changed to match",
      () => `delete from audit_event where event_id = ${nth(2)}; update audit_seal set event_count = event_count - 1`,
      /seal \d+ was changed/,
    ],
  ])("finds that an event %s", async (_what, change, message) => {
    await someEvents();
    await tampered(coffer, change(), async () => {
      const { code, stdout, stderr } = await run(["audit", "verify"]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(/^coffer: the audit trail was changed: workspace ws_[^\n]*\n$/);
      expect(stderr).toMatch(message);
    });
    expect(await own()).toMatchObject({ problems: [] });
  });

  it("finds with an exported head that the chain was rolled back, events and seals together", async () => {
    await someEvents();
    const saved =
      "create table earlier_event as select * from audit_event; create table earlier_seal as select * from audit_seal";
    await coffer.sql(saved);
    await someEvents();
    const file = join(processes.newDir(), "heads.json");
    writeFileSync(file, JSON.stringify(await json(["audit", "head"])));
    expect(await json(["audit", "verify", "--head", file])).toMatchObject({ verified: true });
    const back = `truncate audit_event, audit_seal; insert into audit_event select * from earlier_event;
      insert into audit_seal select * from earlier_seal`;
    await tampered(coffer, back, async () => {
      expect(await json(["audit", "verify"])).toMatchObject({ verified: true });
      const { code, stderr } = await run(["audit", "verify", "--head", file]);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(/the chain is not the one that was exported|rolled back/),
      });
    });
    await tampered(coffer, "truncate audit_event, audit_seal", async () => {
      expect((await run(["audit", "verify", "--head", file])).stderr).toMatch(/rolled back/);
    });
    // Later events lead on from it.
    await someEvents();
    expect(await json(["audit", "verify", "--head", file])).toMatchObject({ verified: true });
    expect((await run(["audit", "verify", "--head", "/nowhere"])).stderr).toMatch(/^coffer: cannot read \/nowhere/);
    // A file that was given by mistake is not quoted.
    const { COFFER_ROOT_KEY_FILE } = processes.settingsOf(coffer);
    expect((await run(["audit", "verify", "--head", COFFER_ROOT_KEY_FILE])).stderr).toBe(
      `coffer: ${COFFER_ROOT_KEY_FILE} is not an output of \`coffer audit head --json\`\n`,
    );
  });
});

describe("the seals", () => {
  it("leave out what is not committed, and seal it when it is, though it is older than what was sealed", async () => {
    await someEvents();
    const late = new Client(coffer.databaseUrl);
    await late.connect();
    try {
      await late.query("begin");
      await late.query(`insert into audit_event select (jsonb_populate_record(a, jsonb_build_object('event_id', 'aud_late',
        'event_time', clock_timestamp(), 'xact', pg_current_xact_id()::text::bigint))).* from audit_event a where event_id = ${nth(1)}`);
      await createSecret(coffer);
      await runJob(coffer, sealAuditEvents);
      const before = await own();
      await late.query("commit");
      await seal();
      const after = await own();
      expect(after).toMatchObject({ unsealed: 0, problems: [] });
      expect(after.verified).toBe(before.verified + before.unsealed + 1);
    } finally {
      await late.end();
    }
  });

  it("cover transactions with many events whole, and thousands of events in parts", async () => {
    await coffer.sql(`insert into audit_event select (jsonb_populate_record(a, jsonb_build_object('event_id', 'aud_many_' || n,
        'event_time', now(), 'xact', pg_current_xact_id()::text::bigint))).*
      from audit_event a, generate_series(1, 5000) n where a.event_id = ${nth(1)}`);
    await seal();
    const { verified, problems } = await own();
    expect(problems).toEqual([]);
    expect(verified).toBeGreaterThan(5_000);
  });

  it("go on in a database that was restored on a server whose transactions have lower numbers", async () => {
    await someEvents();
    await coffer.sql(`update audit_horizon set low_xact = 900000000000, next_xact = 900000000000`);
    const before = await own();
    await createSecret(coffer);
    await seal();
    expect(await own()).toMatchObject({ verified: before.verified + 1, unsealed: 0, problems: [] });
  });

  it("let events of months go whose retention has passed, and only these", async () => {
    await someEvents();
    const old = new Date(Date.now() - 400 * 86_400_000).toISOString();
    const split = new Date(Date.now() - 200 * 86_400_000).toISOString().slice(0, 7);
    const rows = await coffer.sql("select relname from pg_class where relname = 'audit_event_before'");
    expect(rows).toHaveLength(1);
    await coffer.sql(`alter table audit_event detach partition audit_event_before;
      create table audit_event_old partition of audit_event for values from (minvalue) to ('${split}-01 00:00+00');
      alter table audit_event attach partition audit_event_before for values from ('${split}-01 00:00+00') to (
        '${(await topBegin()).toISOString()}')`);
    await coffer.sql(`alter table audit_event_before rename to audit_event_p${split.replace("-", "_")};
      alter table audit_event_old rename to audit_event_before`);
    await coffer.sql(`insert into audit_event select (jsonb_populate_record(a, jsonb_build_object('event_id', 'aud_old',
        'event_time', '${old}', 'xact', pg_current_xact_id()::text::bigint))).* from audit_event a where a.event_id = ${nth(1)}`);
    // As if it had been sealed at its time.
    await coffer.sql("delete from audit_seal; delete from audit_horizon");
    await seal();
    const whole = await own();
    expect(whole).toMatchObject({ unsealed: 0, dropped: 0, problems: [] });
    await tampered(coffer, "delete from audit_seal where seal_number = 1", async () => {
      expect((await run(["audit", "verify"])).stderr).toMatch(/seal 1 is missing/);
    });
    await tampered(coffer, "delete from audit_event where event_id = 'aud_old'", async () => {
      expect((await run(["audit", "verify"])).stderr).toMatch(/1 events were sealed, 0 are stored/);
    });
    expect(await runJob(coffer, partitionEvents({ auditDays: 100, egressDays: undefined }))).toMatchObject({
      items: expect.any(Number),
    });
    expect(await own()).toMatchObject({ verified: whole.verified - 1, dropped: 1, problems: [] });
    await coffer.sql("update audit_cut set before_time = now()");
    expect((await run(["audit", "verify"])).stderr).toMatch(/up to which retention dropped events, was changed/);
  });
});

async function topBegin(): Promise<Date> {
  const [row] = await coffer.sql(
    "select relname from pg_inherits join pg_class c on c.oid = inhrelid where inhparent = 'audit_event'::regclass order by relname desc limit 1",
  );
  return new Date(`${String(row?.["relname"]).slice(-7).replace("_", "-")}-01T00:00:00Z`);
}
