// Races on one resource: the database lets one win, and tells the others what is so now.
import { ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { describeError, type SeenError } from "../support/errors.ts";
import { errorsOf, inParallel, valuesOf } from "../support/parallel.ts";
import { byId, createSecret, data, getSecret, newName, present, readText, softDelete } from "../support/secrets.ts";
import { problemsOfNumbers, problemsOfPaths, problemsOfRace } from "./checks.ts";
import { activePaths } from "./scenarios.ts";

const coffer = useCoffer();
const calls = 100;

function seenErrors(results: readonly PromiseSettledResult<unknown>[]): SeenError[] {
  return errorsOf(results).map((error) => describeError(ConnectError.from(error)));
}

describe("100 concurrent updates with one etag", () => {
  it("let one win, and tell the 99 others the current etag", async () => {
    const { id, etag } = await createSecret(coffer);
    const { secrets } = coffer.clients();
    const results = await inParallel(calls, calls, (index) =>
      secrets.updateSecret({ secret: { id, etag, description: `by ${index}` } }),
    );
    const winners = valuesOf(results).map(({ secret }) => present(secret));
    const losers = seenErrors(results);
    expect(losers).toHaveLength(calls - 1);
    for (const loser of losers) expect(loser).toMatchObject({ code: "Aborted", reason: "ETAG_MISMATCH" });
    const now = await getSecret(coffer, { id });
    const won = winners.map((winner) => winner.etag);
    const toldToOthers = losers.map(({ metadata }) => metadata["etag"] ?? "");
    expect(problemsOfRace({ won, toldToOthers, now: now.etag })).toEqual([]);
    expect(now.description).toBe(winners[0]?.description);
  });
});

describe("100 concurrent new versions of one secret", () => {
  it("are numbered without a gap, and every acknowledged one reads back", async () => {
    const secret = await createSecret(coffer);
    const { secrets } = coffer.clients();
    const results = await inParallel(calls, calls, async (index) => {
      const { version } = await secrets.addSecretVersion({ ...byId(secret.id), value: data(`value ${index}`) });
      return { number: present(version).versionNumber, text: `value ${index}` };
    });
    const added = valuesOf(results);
    expect(added.length).toBeGreaterThan(0);
    for (const error of seenErrors(results)) {
      expect(error).toMatchObject({ code: "Aborted", reason: "CONCURRENT_CHANGE", hasRetryInfo: true });
    }
    expect(problemsOfNumbers([1, ...added.map(({ number }) => number)])).toEqual([]);
    const read = await Promise.all(added.map(({ number }) => readText(coffer, secret, String(number))));
    expect(read).toEqual(added.map(({ text }) => text));
    expect(await getSecret(coffer, secret)).toMatchObject({
      versionCount: added.length + 1,
      currentVersion: added.length + 1,
    });
  });

  it("each made at one expected current version, let one win", async () => {
    const secret = await createSecret(coffer);
    const { secrets } = coffer.clients();
    const results = await inParallel(20, 20, (index) =>
      secrets.addSecretVersion({ ...byId(secret.id), value: data(`value ${index}`), expectedCurrentVersion: 1 }),
    );
    expect(valuesOf(results)).toHaveLength(1);
    for (const error of seenErrors(results)) {
      expect(error).toMatchObject({
        code: "Aborted",
        reason: "CURRENT_VERSION_MISMATCH",
        metadata: { current_version: "2" },
      });
    }
    expect((await getSecret(coffer, secret)).versionCount).toBe(2);
  });
});

/** Undeletes a secret while others create one with its name, again and again. */
async function raceForPaths(rounds: number): Promise<string[]> {
  for (let round = 0; round < rounds; round++) {
    const name = newName("contested");
    const { id } = await createSecret(coffer, { name });
    await softDelete(coffer, { id });
    const { secrets } = coffer.clients();
    const results = await inParallel(4, 4, async (index): Promise<unknown> => {
      return index === 0 ? secrets.undeleteSecret({ id }) : secrets.createSecret({ name, value: data("other") });
    });
    for (const error of seenErrors(results))
      expect(error).toMatchObject({ code: "AlreadyExists", reason: "NAME_TAKEN" });
    expect(valuesOf(results).length).toBeGreaterThan(0);
  }
  return problemsOfPaths(await activePaths(coffer));
}

describe("an undelete that races creates of the same name", () => {
  it("never leaves two active secrets with one path", async () => {
    expect(await raceForPaths(20)).toEqual([]);
  });

  it("is found out to do so in a mutant without the unique index", async () => {
    await coffer.sql("drop index secret_active_path");
    expect(await raceForPaths(1)).toHaveLength(1);
  });
});
