// A connection that breaks around a COMMIT: the outcome is said to be unknown, and a retry with the same key settles it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCoffer, type TestCoffer } from "../support/coffer.ts";
import { errorOf } from "../support/errors.ts";
import { inParallel, valuesOf } from "../support/parallel.ts";
import { type Cut, type PostgresProxy, startPostgresProxy } from "../support/postgres-proxy.ts";
import { byId, createSecret, data } from "../support/secrets.ts";
import { problemsOfKeys, problemsOfValues } from "./checks.ts";
import { createWithKey, readValues, retryWhileUnavailable, storedKeys, valueFor } from "./scenarios.ts";

let proxy: PostgresProxy;
let coffer: TestCoffer;
beforeAll(async () => {
  proxy = await startPostgresProxy();
  coffer = await startCoffer({ through: proxy.through, redisUrl: null });
});
afterAll(async () => {
  await coffer.close();
  await proxy.close();
});

/** Breaks the connection of the next COMMIT, and of no other. */
function cutOnce(cut: Cut): void {
  proxy.onCommit(() => {
    proxy.onCommit(() => undefined);
    return cut;
  });
}

const outcomeUnknown = { code: "Unavailable", reason: "OUTCOME_UNKNOWN", hasRetryInfo: true };

describe("a create whose COMMIT is cut off", () => {
  it.each<[string, Cut, number]>([
    ["after the server has committed", "answer", 1],
    ["before the server hears of it", "request", 0],
  ])("%s says that the outcome is unknown, and a retry makes it exactly one secret", async (_when, cut, rowsBefore) => {
    const { secrets } = coffer.clients();
    const key = `cut-${cut}`;
    cutOnce(cut);
    expect(await errorOf(createWithKey(secrets, key))).toMatchObject(outcomeUnknown);
    const rows = (await storedKeys(coffer)).filter((row) => row.key === key);
    expect(rows).toHaveLength(rowsBefore);
    const answers = [await createWithKey(secrets, key), await createWithKey(secrets, key)];
    expect(problemsOfKeys({ keys: [key], answers, rows: await storedKeys(coffer) })).toEqual([]);
  });

  it("again and again under load, is one secret with its own value for every key", async () => {
    const { secrets } = coffer.clients();
    const keys = Array.from({ length: 300 }, (_, index) => `load-${index}`);
    let commits = 0;
    let cuts = 0;
    proxy.onCommit(() => {
      const cut = ([undefined, undefined, "answer", undefined, "request"] as const)[commits++ % 5];
      if (cut) cuts++;
      return cut;
    });
    const results = await inParallel(keys.length, 16, (index) => {
      const key = keys[index] as string;
      return retryWhileUnavailable(() => createWithKey(secrets, key));
    });
    proxy.onCommit(() => undefined);
    const answers = valuesOf(results);
    expect(answers).toHaveLength(keys.length);
    // Calls that come together share a COMMIT.
    expect(cuts).toBeGreaterThan(20);
    expect(problemsOfKeys({ keys, answers, rows: await storedKeys(coffer) })).toEqual([]);
    const expected = new Map(answers.map(({ key, id }) => [id, valueFor(key)]));
    expect(problemsOfValues(expected, await readValues(secrets, [...expected.keys()]))).toEqual([]);
  });
});

describe("a new version whose COMMIT answer is lost", () => {
  /** The versions that one intent has made, when its retry comes with `retryKey`. */
  async function versionsMade(key: string, retryKey: string) {
    const secret = await createSecret(coffer);
    const { secrets } = coffer.clients();
    const add = (idempotencyKey: string) =>
      secrets.addSecretVersion(
        { ...byId(secret.id), value: data("v2"), comment: key },
        { headers: { "idempotency-key": idempotencyKey } },
      );
    cutOnce("answer");
    expect(await errorOf(add(key))).toMatchObject(outcomeUnknown);
    await add(retryKey);
    const rows = await coffer.sql("select version_id from secret_version where comment = $1", [key]);
    return rows.map((row) => ({ key, id: String(row["version_id"]) }));
  }

  it("is added once when it is retried with its key", async () => {
    expect(problemsOfKeys({ keys: ["v"], answers: [], rows: await versionsMade("v", "v") })).toEqual([]);
  });

  it("is found out to be there twice in the mutant, a client that retries with another key", async () => {
    const rows = await versionsMade("w", "another");
    expect(problemsOfKeys({ keys: ["w"], answers: [], rows })).toEqual(["w has 2 rows"]);
  });
});
