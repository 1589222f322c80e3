// Events are partitioned by month: made ahead, dropped whole when their retention has passed, and never in the way of an insert.
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { partitionEvents } from "../../src/jobs/partition-events.ts";
import { runJob } from "../../src/jobs/run-job.ts";
import { startCoffer, type TestCoffer } from "../support/coffer.ts";
import { writeEgressEvent } from "../support/egress-secrets.ts";
import { run } from "../support/jobs.ts";
import { until } from "../support/poll.ts";
import { createSecret, readText } from "../support/secrets.ts";

const forEver = { auditDays: undefined, egressDays: undefined };

async function fresh(): Promise<TestCoffer> {
  const coffer = await startCoffer();
  onTestFinished(() => coffer.close());
  return coffer;
}

const partitions = async (coffer: TestCoffer, table: string) =>
  (
    await coffer.sql(
      "select inhrelid::regclass::text as name from pg_inherits where inhparent = $1::regclass order by 1",
      [table],
    )
  ).map(({ name }) => String(name));

/** Copies the events of the audit trail to another time. */
const copyTo = (coffer: TestCoffer, time: string) =>
  coffer.sql(`insert into audit_event (workspace_id, event_id, event_time, request_id, principal_id, token_id, method, resource_type,
      resource_id, decision, rule, address, user_agent, result, occurrences)
    select workspace_id, event_id || ' ${time}', '${time}', request_id, principal_id, token_id, method, resource_type, resource_id,
      decision, rule, address, user_agent, result, occurrences from audit_event where event_time > now() - interval '1 day'`);

/** The first day of the month that begins so many months from now. */
const month = (months: number) => {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months)).toISOString().slice(0, 10);
};
/** The partition after one that is in use, which ends in ten days at the earliest. */
const nextName = () =>
  nameOf(new Date(Date.now() + 10 * 86_400_000).toISOString().slice(0, 7) === month(0).slice(0, 7) ? 1 : 2);
const nameOf = (months: number) => `audit_event_p${month(months).slice(0, 7).replace("-", "_")}`;

describe("events", () => {
  it("are taken at any time, whether or not a job has made a partition for it", async () => {
    const coffer = await fresh();
    await createSecret(coffer);
    const [before] = await coffer.sql("select count(*)::int as count from audit_event");
    for (const time of ["1999-12-31", "2199-06-01", "now"]) await copyTo(coffer, time);
    const [after] = await coffer.sql("select count(*)::int as count from audit_event");
    expect(after?.["count"]).toBeGreaterThanOrEqual(Number(before?.["count"]) + 2);
  });

  it("get partitions ahead, once, and are read across them as before", async () => {
    const coffer = await fresh();
    expect(await run(coffer, partitionEvents(forEver))).toMatchObject({ job: "PartitionEvents" });
    const made = await partitions(coffer, "audit_event");
    expect(made.at(0)).toBe("audit_event_before");
    // The last one begins later than in 45 days.
    const last = String(made.at(-1)).slice(-7).replace("_", "-");
    expect(new Date(`${last}-01T00:00:00Z`).getTime()).toBeGreaterThan(Date.now() + 45 * 86_400_000);
    expect(await run(coffer, partitionEvents(forEver))).toMatchObject({ items: 0, transactions: 0 });
    expect(await partitions(coffer, "audit_event")).toEqual(made);
    const secret = await createSecret(coffer);
    await readText(coffer, secret);
    await coffer.sql(
      "update audit_event set event_time = $2 where resource_id = $1 and method like '%GetSecretValue'",
      [secret.id, `${last}-15`],
    );
    const { auditEvents } = await coffer.clients().audit.listAuditEvents({ resourceId: secret.id });
    expect(auditEvents.map(({ method }) => method.split("/")[1])).toEqual(["GetSecretValue", "CreateSecret"]);
  });

  it("stay where they are when the last partition has come into use, since no job ran for long", async () => {
    const coffer = await fresh();
    await createSecret(coffer);
    const [last = ""] = (await partitions(coffer, "audit_event")).slice(-1);
    // As if the last partition had begun two months ago.
    await coffer.sql(`drop table ${last}; alter table audit_event detach partition audit_event_before;
      alter table audit_event_before rename to ${nameOf(-2)};
      alter table audit_event attach partition ${nameOf(-2)} for values from ('${month(-2)} 00:00+00') to (maxvalue)`);
    const [before] = await coffer.sql("select count(*)::int as count from audit_event");
    await run(coffer, partitionEvents(forEver));
    expect((await partitions(coffer, "audit_event")).slice(0, 2)).toEqual([nameOf(-2), nextName()]);
    expect((await coffer.sql("select count(*)::int as count from audit_event"))[0]).toEqual(before);
    await createSecret(coffer);
  });
});

describe("a last partition that is in use", () => {
  /** As if it had begun two months ago. */
  const inUse = async () => {
    const coffer = await fresh();
    await createSecret(coffer);
    for (const table of ["audit_event", "egress_event"]) {
      const [last = ""] = (await partitions(coffer, table)).slice(-1);
      const begun = nameOf(-2).replace("audit_event", table);
      await coffer.sql(`drop table ${last}; alter table ${table} detach partition ${table}_before;
        alter table ${table}_before rename to ${begun};
        alter table ${table} attach partition ${begun} for values from ('${month(-2)} 00:00+00') to (maxvalue)`);
    }
    await writeEgressEvent(coffer, {});
    return coffer;
  };

  it("is divided, however long it takes to read along it, and meanwhile nobody waits", async () => {
    const coffer = await inUse();
    const secret = await createSecret(coffer);
    const { database } = coffer.deps;
    let reading = 0;
    // As with so many events that reading along them takes longer than a transaction may do nothing.
    const slow = {
      ...database,
      async connectAlone() {
        const client = await database.connectAlone();
        const query = client.query.bind(client) as (...given: unknown[]) => Promise<unknown>;
        const slowly = async (...given: unknown[]) => {
          if (!/validate constraint/.test(String(given[0]))) return query(...given);
          reading++;
          await sleep(3_500);
          return query(...given);
        };
        return Object.assign(client, { query: slowly });
      },
    };
    const stop = new AbortController();
    const running = runJob({ ...coffer.deps, database: slow }, partitionEvents(forEver), stop.signal);
    for (const tables of [1, 2]) {
      await until("it is read", () => Promise.resolve(reading === tables));
      const startMs = performance.now();
      expect(await readText(coffer, secret)).toBe("v1");
      await writeEgressEvent(coffer, {});
      expect(performance.now() - startMs).toBeLessThan(1_000);
    }
    await until("both are divided", async () => (await partitions(coffer, "egress_event")).length > 1);
    // It rests after such work.
    stop.abort();
    expect(await running).toMatchObject({ items: 2, transactions: 1 });
    expect((await partitions(coffer, "audit_event")).slice(0, 2)).toEqual([nameOf(-2), nextName()]);
    expect(await coffer.sql("select from pg_constraint where conname = 'bound'")).toEqual([]);
  });

  it("takes events until long after it is told its end, whether or not it can be divided then", async () => {
    const coffer = await inUse();
    const reader = new Client(coffer.databaseUrl);
    await reader.connect();
    try {
      await reader.query(`begin; lock table only audit_event in access share mode;
        lock table only egress_event in access share mode`);
      expect(await run(coffer, partitionEvents(forEver))).toMatchObject({ items: 0 });
      expect(await coffer.sql("select from pg_constraint where conname = 'bound'")).toHaveLength(2);
      await copyTo(coffer, new Date(Date.now() + 9 * 86_400_000).toISOString());
    } finally {
      await reader.end();
    }
    await run(coffer, partitionEvents(forEver));
    expect((await partitions(coffer, "audit_event"))[1]).toBe(nextName());
  });
});

describe("a retention", () => {
  it("drops whole months that ended before it, and nothing else", async () => {
    const coffer = await fresh();
    await createSecret(coffer);
    await coffer.sql(`alter table audit_event detach partition audit_event_before;
      drop table audit_event_before;
      create table audit_event_before partition of audit_event for values from (minvalue) to ('${month(-3)} 00:00+00')`);
    const [top = ""] = (await partitions(coffer, "audit_event")).slice(-1);
    const topBegin = `${top.slice(-7).replace("_", "-")}-01`;
    for (const [from, to] of [
      [-3, month(-2)],
      [-2, topBegin],
    ] as const) {
      await coffer.sql(`create table ${nameOf(from)} partition of audit_event
        for values from ('${month(from)} 00:00+00') to ('${to} 00:00+00')`);
    }
    await createSecret(coffer);
    for (const months of [-4, -3, -2]) await copyTo(coffer, `${month(months)} 12:00+00`);
    const retention = { auditDays: 1, egressDays: 1 };
    await run(coffer, partitionEvents(retention));
    expect((await partitions(coffer, "audit_event"))[0]).toBe(nameOf(-2));
    const [oldest] = await coffer.sql("select min(event_time) >= $1::timestamptz as kept from audit_event", [
      `${month(-2)} 00:00+00`,
    ]);
    expect(oldest).toEqual({ kept: true });
    expect(await coffer.sql("select before_time from audit_cut")).toEqual([
      { before_time: new Date(`${month(-2)}T00:00:00Z`) },
    ]);
    expect(await run(coffer, partitionEvents(retention))).toMatchObject({ items: 0 });
    expect(await writeEgressEvent(coffer, {})).toMatch(/^egr_/);
  });

  it("needs no quiet moment: writers that never pause wait a moment, and all of them succeed", async () => {
    const coffer = await fresh();
    const secret = await createSecret(coffer);
    let isWriting = true;
    const writers = Array.from({ length: 6 }, async () => {
      let count = 0;
      while (isWriting) {
        expect(await readText(coffer, secret)).toBe("v1");
        count++;
      }
      return count;
    });
    await until("the partitions are made", async () => {
      await run(coffer, partitionEvents(forEver));
      return (await run(coffer, partitionEvents(forEver))).transactions === 0;
    });
    isWriting = false;
    expect(Math.min(...(await Promise.all(writers)))).toBeGreaterThan(0);
    expect((await partitions(coffer, "audit_event")).length).toBeGreaterThan(2);
  });

  it("gives up while somebody reads the events for long, and holds no writer up meanwhile", async () => {
    const coffer = await fresh();
    const reader = new Client(coffer.databaseUrl);
    await reader.connect();
    try {
      await reader.query("begin; select count(*) from audit_event; select count(*) from egress_event");
      const before = await partitions(coffer, "audit_event");
      expect(await run(coffer, partitionEvents(forEver))).toMatchObject({ items: 0 });
      expect(await partitions(coffer, "audit_event")).toEqual(before);
      await createSecret(coffer);
      await reader.query("rollback");
      await run(coffer, partitionEvents(forEver));
    } finally {
      await reader.end();
    }
  });
});
