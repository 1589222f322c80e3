// Connections to Postgres that end or hang: only UNAVAILABLE is ever seen of it, nothing is lost, and coffer heals by itself.
import { ConnectError } from "@connectrpc/connect";
import { describe, expect, it, onTestFinished } from "vitest";
import { startCoffer, useCoffer } from "../support/coffer.ts";
import { describeError } from "../support/errors.ts";
import { errorsOf, inParallel, valuesOf } from "../support/parallel.ts";
import { until } from "../support/poll.ts";
import { startPostgresProxy } from "../support/postgres-proxy.ts";
import { problemsOfKeys, problemsOfValues, type Seen } from "./checks.ts";
import { createWithKey, readValues, retryWhileUnavailable, storedKeys, valueFor } from "./scenarios.ts";

const coffer = useCoffer();

/** Coffer's own, with the outcome of something that is done to each. */
const backends = (what = "pid") =>
  coffer.sql(`select ${what} from pg_stat_activity where datname = current_database() and application_name = 'coffer'`);

describe("all of coffer's backends are terminated, ten times under load", () => {
  it("no call fails but with UNAVAILABLE, no acknowledged secret is lost, and retries succeed", async () => {
    const { secrets } = coffer.clients();
    let terminated = 0;
    const rounds = { left: 10 };
    const terminating = (async () => {
      for (; rounds.left > 0; rounds.left--) {
        terminated += (await backends("pg_terminate_backend(pid)")).length;
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    })();
    const answers: Seen[] = [];
    const keys: string[] = [];
    for (let batch = 0; rounds.left > 0; batch++) {
      const results = await inParallel(100, 16, (index) => createWithKey(secrets, `key-${batch}-${index}`));
      answers.push(...valuesOf(results));
      keys.push(...results.map((_, index) => `key-${batch}-${index}`));
      for (const error of errorsOf(results)) {
        expect(describeError(ConnectError.from(error))).toMatchObject({ code: "Unavailable", hasRetryInfo: true });
      }
    }
    await terminating;
    expect(terminated).toBeGreaterThan(10);

    await until("it has healed", async () => (await coffer.fetch("/readyz")).status === 200, 2_000);
    const known = new Map(answers.map(({ key, id }) => [id, valueFor(key)]));
    expect(problemsOfValues(known, await readValues(secrets, [...known.keys()]))).toEqual([]);
    const retried = await inParallel(keys.length, 16, async (index) =>
      retryWhileUnavailable(() => createWithKey(secrets, keys[index] as string)),
    );
    const all = [...answers, ...valuesOf(retried)];
    expect(valuesOf(retried)).toHaveLength(keys.length);
    expect(problemsOfKeys({ keys, answers: all, rows: await storedKeys(coffer) })).toEqual([]);
  });

  it("leaves no connection behind that nobody uses", async () => {
    // One more than the pool: the one that listens.
    const most = coffer.config.databasePoolSize + 1;
    await until("the pool is within its size", async () => (await backends()).length <= most);
    const { secrets } = coffer.clients();
    expect(errorsOf(await inParallel(50, 50, () => secrets.listSecrets({})))).toEqual([]);
    expect((await backends()).length).toBeLessThanOrEqual(most);
  });
});

describe("Postgres that hangs", () => {
  it("does not keep coffer from stopping", async () => {
    const proxy = await startPostgresProxy();
    onTestFinished(proxy.close);
    const hanging = await startCoffer({ besides: coffer, through: proxy.through, redisUrl: null });
    await createWithKey(hanging.clients().secrets, "key");
    proxy.freeze();
    const start = performance.now();
    await hanging.close();
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});
