// A key of Thalassa Cloud's API changes on one instance while 50 readers read on two: each of them follows, and no read fails otherwise.
import { afterAll, beforeAll, expect, it } from "vitest";
import { rewrapVersions } from "../../src/jobs/rewrap-versions.ts";
import { startCoffer, type TestCoffer } from "../support/coffer.ts";
import { run } from "../support/jobs.ts";
import { createKey, keyVersionsInUse } from "../support/keys.ts";
import { until } from "../support/poll.ts";
import {
  createThalassa,
  keysUrl,
  organisationOf,
  secretUrl,
  thalassa,
  thalassaEnv,
  thalassaRegion,
} from "../support/thalassa.ts";

let here: TestCoffer;
let there: TestCoffer;
beforeAll(async () => {
  here = await startCoffer({ env: thalassaEnv });
  there = await startCoffer({ env: thalassaEnv, besides: here });
});
afterAll(async () => {
  await there.close();
  await here.close();
});

const readersOfEach = 25;
const withinMs = 5_000;

/** Reads values all the time, and counts which statuses come. */
function startReaders(instance: TestCoffer, headers: Record<string, string>, paths: readonly string[]) {
  const seen = new Map<number, number>();
  let isOver = false;
  const readers = Array.from({ length: readersOfEach }, async (_, index) => {
    for (let turn = index; !isOver; turn++) {
      const path = paths[turn % paths.length] as string;
      const { status } = await thalassa(instance, `POST ${secretUrl(path)}/value`, { headers });
      seen.set(status, (seen.get(status) ?? 0) + 1);
    }
  });
  return {
    count: (status: number) => seen.get(status) ?? 0,
    statuses: () => [...seen.keys()].sort((a, b) => a - b),
    forget: () => seen.clear(),
    async stop() {
      isOver = true;
      await Promise.all(readers);
    },
  };
}

it("disabled, enabled, rotated and rewrapped under 50 readers on two instances", async () => {
  const key = await createKey(here, { region: thalassaRegion });
  const made = await Promise.all(Array.from({ length: 60 }, () => createThalassa(here, { kmsKeyIdentity: key.id })));
  const paths = made.map(({ path }) => path);
  const headers = { "x-organisation-identity": await organisationOf(here) };
  const all = [here, there].map((instance) => startReaders(instance, headers, paths));
  const change = async (verb: string) => {
    const { status } = await thalassa(here, `POST ${keysUrl}/${key.id}/${verb}`, { headers });
    expect(status).toBe(200);
  };
  /** From at most five seconds on every instance answers so, and only so. */
  const onlySay = async (status: number) => {
    const begin = performance.now();
    for (const readers of all) readers.forget();
    await until("all say so", async () => all.every((readers) => readers.count(status) > 50), withinMs);
    for (const readers of all) readers.forget();
    expect(performance.now() - begin).toBeLessThan(withinMs);
    await until("all say so", async () => all.every((readers) => readers.count(status) > 100), 20_000);
    for (const readers of all) expect(readers.statuses()).toEqual([status]);
  };

  await onlySay(200);
  await change("disable");
  await onlySay(400);
  for (const instance of [here, there]) {
    const shown = await thalassa(instance, `GET ${secretUrl(paths[0] as string)}?includeVersions=true`, { headers });
    expect(shown).toMatchObject({ status: 200, body: { kmsKey: { identity: key.id }, currentVersion: 1 } });
    const read = await thalassa(instance, `POST ${secretUrl(paths[0] as string)}/value`, { headers });
    expect(read).toMatchObject({ status: 400, body: { message: expect.stringContaining("not active") } });
  }
  await change("enable");
  await onlySay(200);
  for (let version = 2; version <= 3; version++) {
    for (const readers of all) readers.forget();
    await change("rotate");
    await run(here, rewrapVersions);
    await until("all read", async () => all.every((readers) => readers.count(200) > 50));
    for (const readers of all) expect(readers.statuses()).toEqual([200]);
    expect(await keyVersionsInUse(here, key)).toEqual([version]);
  }
  for (const readers of all) await readers.stop();
  const { body } = await thalassa<{ kmsKeyVersion: string }>(there, `POST ${secretUrl(paths[0] as string)}/value`, {
    headers,
  });
  expect(body.kmsKeyVersion).toBe("3");
}, 90_000);
