// Calls that wait for a row, or that hold one idly, do not delay other calls.
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { expect, it, onTestFinished } from "vitest";
import { openDatabase } from "../../src/store/database.ts";
import { useCoffer } from "../support/coffer.ts";
import { until } from "../support/poll.ts";
import { addVersion, byId, createSecret, data, readText } from "../support/secrets.ts";

const coffer = useCoffer();

/** Another session that holds the row of a secret until it is told to let go. */
async function holdRow(secretId: string): Promise<{ letGo: () => Promise<void> }> {
  const client = new Client(coffer.databaseUrl);
  await client.connect();
  onTestFinished(() => client.end());
  await client.query("begin");
  await client.query("select from secret where secret_id = $1 for update", [secretId]);
  return { letGo: async () => void (await client.query("rollback")) };
}

async function blockedBackends(): Promise<number> {
  const rows = await coffer.sql(
    "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  return rows.length;
}

async function slowestMs(count: number, call: () => Promise<unknown>): Promise<number> {
  let slowest = 0;
  for (let done = 0; done < count; done++) {
    const start = performance.now();
    await call();
    slowest = Math.max(slowest, performance.now() - start);
  }
  return slowest;
}

it("ten writers that wait for one secret hold two connections, and delay neither readers nor writers of other secrets", async () => {
  const [held, other] = [await createSecret(coffer), await createSecret(coffer)];
  const { letGo } = await holdRow(held.id);
  const writers = Array.from({ length: 10 }, () => addVersion(coffer, held, "v2"));
  await until("they wait", async () => (await blockedBackends()) > 0);
  await sleep(200);
  expect(await blockedBackends()).toBeLessThanOrEqual(2);
  expect(await slowestMs(50, () => readText(coffer, other))).toBeLessThan(1_000);
  expect(await slowestMs(10, () => addVersion(coffer, other, "v2"))).toBeLessThan(1_000);
  expect(await slowestMs(10, () => coffer.clients().secrets.listSecrets({}))).toBeLessThan(1_000);
  await letGo();
  await Promise.all(writers);
});

it("writers of twenty secrets that are all held leave connections to readers and look-ups", async () => {
  const held = await Promise.all(Array.from({ length: 20 }, () => createSecret(coffer)));
  const other = await createSecret(coffer);
  const holders = await Promise.all(held.map(({ id }) => holdRow(id)));
  const writers = held.map((secret) => addVersion(coffer, secret, "v2"));
  await until("they wait", async () => (await blockedBackends()) >= 6);
  expect(await slowestMs(50, () => readText(coffer, other))).toBeLessThan(1_000);
  expect(await slowestMs(5, () => coffer.clients().secrets.listSecrets({}))).toBeLessThan(1_000);
  expect((await coffer.fetch("/readyz")).status).toBe(200);
  for (const { letGo } of holders) await letGo();
  await Promise.all(writers);
});

it("an instance that stands still in the middle of a transaction holds its rows for no longer than five seconds", async () => {
  const secret = await createSecret(coffer);
  const frozen = openDatabase({ connectionString: coffer.databaseUrl, poolSize: 2 });
  const thaw = Promise.withResolvers<void>();
  let isHeld = false;
  const standing = frozen.transaction(async (tx) => {
    const text = `select from secret where secret_id = '${secret.id}' for update`;
    if (isHeld) return;
    await tx.query({ name: "", text, values: [] });
    isHeld = true;
    await thaw.promise;
  });
  await until("it holds the row", async () => isHeld);
  const start = performance.now();
  await addVersion(coffer, secret, "v2");
  expect(performance.now() - start).toBeLessThan(5_000);
  thaw.resolve();
  await standing;
  await frozen.close();
});

it("a change whose caller has gone while it waited is not made", async () => {
  const secret = await createSecret(coffer);
  const { letGo } = await holdRow(secret.id);
  const before = Array.from({ length: 2 }, () => addVersion(coffer, secret, "kept"));
  await until("two wait", async () => (await blockedBackends()) === 2);
  const gone = new AbortController();
  const call = coffer
    .clients()
    .secrets.addSecretVersion({ ...byId(secret.id), value: data("dropped") }, { signal: gone.signal })
    .catch(() => undefined);
  await sleep(200);
  gone.abort();
  await call;
  await sleep(100);
  await letGo();
  await Promise.all(before);
  await sleep(200);
  const versions = await coffer.clients().secrets.listSecretVersions(byId(secret.id));
  expect(versions.versions).toHaveLength(3);
});
