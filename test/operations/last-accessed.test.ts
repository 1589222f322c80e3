// When values were last returned: known of the secret and of the version within two seconds, and written once for however many reads.
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { expectError } from "../support/errors.ts";
import { until } from "../support/poll.ts";
import { addVersion, byId, createSecret, getSecret, present, readText, timeOf } from "../support/secrets.ts";

const coffer = useCoffer();

async function getVersion(id: string, version: string) {
  return present((await coffer.clients().secrets.getSecretVersion({ ...byId(id), version })).version);
}

/** Counts what was ever written to the row: each write makes another version of it. */
async function writesOf(id: string): Promise<Record<string, unknown>[]> {
  return coffer.sql(
    "select version_number, xmin::text, revision from secret_version where secret_id = $1 order by version_number",
    [id],
  );
}

describe("last_accessed_time", () => {
  it("follows a read within two seconds, of the version that was read and its secret, and changes nothing else", async () => {
    const secret = await createSecret(coffer);
    const { id } = secret;
    await addVersion(coffer, secret, "v2");
    const [first, second] = [await getVersion(id, "1"), await getVersion(id, "2")];
    expect([first.lastAccessedTime, second.lastAccessedTime]).toEqual([undefined, undefined]);
    const before = await getSecret(coffer, { id });
    const read = performance.now();
    await readText(coffer, { id }, "1");
    await until("it is noted", async () => (await getVersion(id, "1")).lastAccessedTime !== undefined, 2_000);
    await until("it is noted", async () => (await getSecret(coffer, { id })).lastAccessedTime !== undefined, 500);
    expect(performance.now() - read).toBeLessThan(2_000);
    const { lastAccessedTime, ...rest } = await getVersion(id, "1");
    expect({ ...rest, lastAccessedTime: undefined }).toEqual({ ...first, lastAccessedTime: undefined });
    expect(timeOf(lastAccessedTime)).toBeGreaterThan(timeOf(first.createTime));
    expect(await getVersion(id, "2")).toEqual(second);
    expect(await getSecret(coffer, { id })).toMatchObject({ etag: before.etag, updateTime: before.updateTime });
    const { versions } = await coffer.clients().secrets.listSecretVersions(byId(id));
    expect(versions.map((version) => version.lastAccessedTime)).toEqual([undefined, lastAccessedTime]);
  });

  it("is never more than two seconds behind while reads go on", async () => {
    const { id } = await createSecret(coffer);
    const end = performance.now() + 4_000;
    let behindMsMax = 0;
    let previous = 0;
    for (let reads = 0; performance.now() < end; reads++) {
      await readText(coffer, { id });
      const noted = (await getVersion(id, "1")).lastAccessedTime;
      if (noted) {
        const time = timeOf(noted);
        expect(time).toBeGreaterThanOrEqual(previous);
        previous = time;
        behindMsMax = Math.max(behindMsMax, Date.now() - time);
      } else {
        expect(reads).toBeLessThan(200);
      }
      await sleep(20);
    }
    expect(previous).toBeGreaterThan(0);
    expect(behindMsMax).toBeLessThan(2_000);
  });

  it("is written once for a hundred reads, and not for one that fails", async () => {
    const secret = await createSecret(coffer);
    const { id } = secret;
    await addVersion(coffer, secret, "v2");
    await coffer.clients().secrets.disableSecretVersion({ ...byId(id), version: "1" });
    // Earlier reads have set a timer, which would write those of this test too early.
    await coffer.deps.accessTimes.flush();
    const [first, second] = await writesOf(id);
    await Promise.all(Array.from({ length: 100 }, () => readText(coffer, { id })));
    await expectError(readText(coffer, { id }, "1"), { reason: "VERSION_DISABLED" });
    expect(await writesOf(id)).toEqual([first, second]);
    await coffer.deps.accessTimes.flush();
    const [firstAfter, secondAfter] = await writesOf(id);
    expect(firstAfter).toEqual(first);
    expect(secondAfter).toMatchObject({ revision: second?.["revision"] });
    expect(secondAfter).not.toEqual(second);
    await coffer.deps.accessTimes.flush();
    expect(await writesOf(id)).toEqual([firstAfter, secondAfter]);
  });

  it("does not keep changes of the same versions waiting for each other", async () => {
    const { id } = await createSecret(coffer);
    const { secrets } = coffer.clients();
    const reads = Array.from({ length: 40 }, async () => {
      await readText(coffer, { id });
      await coffer.deps.accessTimes.flush();
    });
    const changes = async () => {
      for (let round = 0; round < 10; round++) {
        await secrets.addSecretVersion({ ...byId(id), value: { case: "generate", value: { byteLength: 16 } } });
        await secrets.destroySecretVersion({ ...byId(id), version: String(round + 2) });
      }
    };
    await Promise.all([...reads, changes()]);
    expect((await getSecret(coffer, { id })).versionCount).toBe(11);
  });
});
