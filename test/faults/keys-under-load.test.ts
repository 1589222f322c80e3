// Keys change while 50 readers read: what they may read is judged on every read.
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { rewrapVersions } from "../../src/jobs/rewrap-versions.ts";
import { useCoffer } from "../support/coffer.ts";
import { describeError, expectError } from "../support/errors.ts";
import { run } from "../support/jobs.ts";
import { createKey, createSecretsUnder, keyVersionsInUse } from "../support/keys.ts";
import { until } from "../support/poll.ts";
import { addVersion, byId, data, readText } from "../support/secrets.ts";

const coffer = useCoffer();
const readersCount = 50;

/** Reads the values of secrets all the time, and counts what comes of it. */
function startReaders(ids: readonly string[]) {
  const seen = new Map<string, number>();
  let isOver = false;
  const { secrets } = coffer.clients();
  const readers = Array.from({ length: readersCount }, async (_, index) => {
    for (let turn = index; !isOver; turn++) {
      const outcome = await secrets.getSecretValue(byId(ids[turn % ids.length] as string)).then(
        () => "OK",
        (error: unknown) => (error instanceof ConnectError ? describeError(error).reason : String(error)),
      );
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
    }
  });
  return {
    count: (outcome: string) => seen.get(outcome) ?? 0,
    outcomes: () => [...seen.keys()].sort(),
    forget: () => seen.clear(),
    async stop() {
      isOver = true;
      await Promise.all(readers);
    },
  };
}

describe("under 50 readers", () => {
  it("a disabled key's values fail with KEY_NOT_ACTIVE while metadata is read; enabled, all of them work", async () => {
    const key = await createKey(coffer);
    const made = await createSecretsUnder(coffer, key, 20);
    const { keys, secrets } = coffer.clients();
    const readers = startReaders(made.map(({ id }) => id));
    await until("all read", async () => readers.count("OK") > 200);
    expect(readers.outcomes()).toEqual(["OK"]);
    await keys.disableKey({ id: key.id });
    // Calls that were running when the answer came may still be OK.
    await until("all fail", async () => readers.count("KEY_NOT_ACTIVE") > 200);
    readers.forget();
    await until("all fail", async () => readers.count("KEY_NOT_ACTIVE") > 200);
    expect(readers.outcomes()).toEqual(["KEY_NOT_ACTIVE"]);
    const { id } = made[0] as { id: string };
    expect((await secrets.getSecret(byId(id))).secret?.kmsKeyId).toBe(key.id);
    expect((await secrets.listSecretVersions(byId(id))).versions).toHaveLength(1);
    const add = secrets.addSecretVersion({ ...byId(id), value: data("v2") });
    await expectError(add, { code: "FailedPrecondition", reason: "KEY_NOT_ACTIVE" });
    const batch = await secrets.batchGetSecretValues({ requests: [byId(id)] });
    expect(batch.results[0]?.result.case).toBe("error");
    expect(batch.results[0]?.result.value).toMatchObject({ code: Code.FailedPrecondition });
    await keys.enableKey({ id: key.id });
    await until("all read", async () => readers.count("OK") > 200);
    readers.forget();
    await until("all read", async () => readers.count("OK") > 200);
    expect(readers.outcomes()).toEqual(["OK"]);
    await readers.stop();
    expect(await readText(coffer, { id })).toBe("v1");
  });

  it("no read fails while their key is rotated and rewrapped again and again, and no version is left under an old one", async () => {
    const key = await createKey(coffer);
    const made = await createSecretsUnder(coffer, key, 450);
    const readers = startReaders(made.map(({ id }) => id));
    await until("all read", async () => readers.count("OK") > 200);
    for (let round = 2; round <= 4; round++) {
      await coffer.clients().keys.rotateKey({ id: key.id });
      await until("new writes are under the new version", async () => {
        const [secret] = made as [(typeof made)[number]];
        return (await addVersion(coffer, secret, `v${round}`)).kmsKeyVersion === round;
      });
      expect(await keyVersionsInUse(coffer, key)).toEqual([round - 1, round]);
      readers.forget();
      await run(coffer, rewrapVersions);
      expect(await keyVersionsInUse(coffer, key)).toEqual([round]);
      await until("all read", async () => readers.count("OK") > 200);
      expect(readers.outcomes()).toEqual(["OK"]);
    }
    await readers.stop();
    for (const secret of made) expect(await readText(coffer, secret, "1")).toBe("v1");
  }, 120_000);
});
