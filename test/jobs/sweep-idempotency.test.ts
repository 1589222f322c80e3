// Idempotency keys on the real servers: kept for 24 hours, forgotten afterwards.
import { expect, it } from "vitest";
import { runJob } from "../../src/jobs/run-job.ts";
import { sweepIdempotency } from "../../src/jobs/sweep-idempotency.ts";
import { useCoffer } from "../support/coffer.ts";
import { run } from "../support/jobs.ts";
import { withKey } from "../support/replay.ts";
import { data, newName } from "../support/secrets.ts";

const coffer = useCoffer();

const create = (key: string, name: string) =>
  withKey(key, (options) => coffer.clients().secrets.createSecret({ name, value: data("v") }, options));
const age = (key: string, interval: string) =>
  coffer.sql("update idempotency set create_time = now() - $2::interval where key = $1", [key, interval]);
const kept = async () => (await coffer.sql("select key from idempotency order by key")).map((row) => row["key"]);

it("keeps a key for 24 hours, and forgets it then: what it made stays", async () => {
  const [young, old] = [newName(), newName()];
  await create("young", young);
  await create("old", old);
  await age("young", "23 hours 59 minutes 50 seconds");
  await age("old", "24 hours 1 second");
  expect((await run(coffer, sweepIdempotency)).items).toBe(1);
  expect(await kept()).toEqual(["young"]);
  expect((await create("young", young)).replayed).toBe(true);
  expect((await create("old", newName())).replayed).toBe(false);
  expect(await coffer.sql("select 1 from secret where name = $1", [old])).toHaveLength(1);
});

it("forgets thousands, each once, and writes no audit events", async () => {
  await coffer.sql(`insert into idempotency (workspace_id, principal_id, method, key, fingerprint, fingerprint_key_version,
      resource_type, resource_id, create_time)
    select 'ws', 'prn', 'm', n::text, '', 1, 'secret', 'sec', now() - interval '2 days' from generate_series(1, 2500) n`);
  const events = async () => (await coffer.sql("select count(*)::int as count from audit_event"))[0]?.["count"];
  const before = await events();
  const runs = await Promise.all([run(coffer, sweepIdempotency), run(coffer, sweepIdempotency)]);
  expect(runs[0].items + runs[1].items).toBe(2_500);
  expect(await kept()).toEqual(["old", "young"]);
  expect(await events()).toBe(before);
});

it("keeps up with 2,000 keys a second from the first batch on, beside a day of keys that are kept", async () => {
  const fill = (first: number, count: number, age: string) =>
    coffer.sql(`insert into idempotency (workspace_id, principal_id, method, key, fingerprint, fingerprint_key_version,
        resource_type, resource_id, create_time)
      select 'ws', 'prn', 'm', 'k' || n, '', 1, 'secret', 'sec', now() - interval '${age}' - n * interval '1 microsecond'
      from generate_series(${first}, ${first + count - 1}) n`);
  // Nobody has analyzed the table since.
  await coffer.sql("alter table idempotency set (autovacuum_enabled = off)");
  await fill(0, 300_000, "1 hour");
  await fill(300_000, 60_000, "25 hours");
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 5_000);
  const { items, longestTransactionMs } = await runJob(coffer.deps, sweepIdempotency, stop.signal);
  expect(items).toBeGreaterThan(10_000);
  expect(longestTransactionMs).toBeLessThan(500);
  await coffer.sql("delete from idempotency where key like 'k%'");
  await coffer.sql("alter table idempotency reset (autovacuum_enabled)");
});
