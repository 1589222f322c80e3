// Key material in memory: only as long as the instance would hear of a destruction.
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { keyDestroyedChannel } from "../../src/store/due-keys.ts";
import { useCoffer } from "../support/coffer.ts";
import { createKey } from "../support/keys.ts";
import { until } from "../support/poll.ts";
import { createSecret, readText } from "../support/secrets.ts";

const coffer = useCoffer();

async function newKey() {
  const key = await createKey(coffer);
  const secret = await createSecret(coffer, { kmsKeyId: key.id });
  const isKeptAfterRead = async () => {
    // Without this the second read would find the DEK that the first one has unwrapped, and would need no key.
    coffer.deps.openedVersions.dropKey(key.id);
    expect(await readText(coffer, secret)).toBe("v1");
    return coffer.deps.keyMaterial.has(key.id);
  };
  const isKept = () => coffer.deps.keyMaterial.has(key.id);
  // An instance that listens drops the material of a key that is announced as destroyed.
  const untilItListens = () =>
    until("it listens", async () => {
      await isKeptAfterRead();
      await coffer.sql("select pg_notify($1, $2)", [keyDestroyedChannel, key.id]);
      await sleep(20);
      return !isKept();
    });
  return { isKept, isKeptAfterRead, untilItListens };
}

it("nothing is kept while no notification comes, and values are read nevertheless", async () => {
  const { isKept, isKeptAfterRead, untilItListens } = await newKey();
  await untilItListens();
  coffer.deps.keyMaterial.keepNothing();
  expect(isKept()).toBe(false);
  expect(await isKeptAfterRead()).toBe(false);
  coffer.deps.keyMaterial.keepFromNow();
  expect(isKept()).toBe(false);
  expect(await isKeptAfterRead()).toBe(true);
});

it("a listener that cannot come back leaves nothing in memory, for as long as it is away", async () => {
  const { isKept, isKeptAfterRead, untilItListens } = await newKey();
  await untilItListens();
  await until("it is kept", isKeptAfterRead);
  const [row] = await coffer.sql(
    "select current_database() as name, count(*)::int as n from pg_stat_activity where datname = current_database()",
  );
  const limit = async (connections: number) =>
    coffer.sql(`alter database "${String(row?.["name"])}" connection limit ${connections}`);
  await limit(0);
  try {
    await coffer.sql(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen%'",
    );
    await until("it is gone", async () => !isKept(), 5_000);
    // Past several attempts to come back.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(isKept()).toBe(false);
  } finally {
    await limit(-1);
  }
  await until("it is kept again", isKeptAfterRead, 5_000);
});
