// One key, one secret: however many calls come at once, on one instance or several, and whatever Redis remembers.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startCoffer, type TestCoffer, type TestCofferOptions } from "../support/coffer.ts";
import { errorsOf, inParallel, valuesOf } from "../support/parallel.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { problemsOfKeys } from "./checks.ts";
import { createWithKey, storedKeys } from "./scenarios.ts";

const calls = 200;
let redis: TestRedis;
let running: TestCoffer[] = [];
beforeAll(async () => {
  redis = await startTestRedis({ own: true });
});
afterEach(async () => {
  for (const coffer of running.toReversed()) await coffer.close();
  running = [];
});
afterAll(() => redis.stop());

/** Equal instances on one database. */
async function start(count: number, options: TestCofferOptions): Promise<void> {
  for (let index = 0; index < count; index++) {
    const [first] = running;
    running.push(await startCoffer({ ...options, ...(first ? { besides: first } : {}) }));
  }
}

/** All calls at once, with one key, spread over the instances. */
async function race(key: string) {
  const clients = running.map((coffer) => coffer.clients().secrets);
  const results = await inParallel(calls, calls, (index) => {
    return createWithKey(clients[index % clients.length] as (typeof clients)[0], key, "one/secret");
  });
  const [coffer] = running as [TestCoffer];
  const answers = valuesOf(results);
  return {
    errors: errorsOf(results),
    answers: answers.length,
    problems: problemsOfKeys({ keys: [key], answers, rows: await storedKeys(coffer) }),
  };
}

describe("200 concurrent creates with one idempotency key make one secret, which every answer names", () => {
  it.each([
    ["on one instance with Redis", 1, true],
    ["on one instance without Redis", 1, false],
    ["spread over two instances with Redis", 2, true],
    ["spread over two instances without Redis", 2, false],
  ] as const)("%s", async (_where, instances, withRedis) => {
    await start(instances, { redisUrl: withRedis ? redis.url : null });
    expect(await race("the-key")).toEqual({ errors: [], answers: calls, problems: [] });
    // The same later, when the first answers are long known.
    expect(await race("the-key")).toEqual({ errors: [], answers: calls, problems: [] });
  });

  it("while Redis is emptied again and again", async () => {
    await start(2, { redisUrl: redis.url });
    let done = false;
    const flushing = (async () => {
      while (!done) await redis.flush();
    })();
    const seen = [await race("the-key"), await race("the-key")];
    done = true;
    await flushing;
    for (const outcome of seen) expect(outcome).toEqual({ errors: [], answers: calls, problems: [] });
  });
});

describe("the mutant", () => {
  it("without the database's uniqueness is found out", async () => {
    await start(2, { redisUrl: null });
    await running[0]?.sql("alter table idempotency drop constraint idempotency_pkey; drop index secret_active_path");
    expect((await race("the-key")).problems).toEqual([expect.stringMatching(/^the-key has \d+ rows$/)]);
  });
});
