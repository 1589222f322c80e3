// When values were last returned: known of the secret and of the version within two seconds, and written once a minute.
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type AccessTimes, createAccessTimes } from "../../src/runtime/access-times.ts";
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

async function databaseTimeMs(): Promise<number> {
  const [row] = await coffer.sql("select clock_timestamp() as now");
  return (present(row)["now"] as Date).getTime();
}

/** Creates a secret, and returns its rows as the access times take them. */
async function createRows() {
  const { id } = await createSecret(coffer);
  const [row] = await coffer.sql("select workspace_id, version_id from secret_version where secret_id = $1", [id]);
  const secret = { workspaceId: String(row?.["workspace_id"]), secretId: id };
  return { id, secret, version: { versionId: String(row?.["version_id"]), versionNumber: 1 } };
}

/** Those of another instance. */
function otherAccessTimes(intervalMs: number): AccessTimes & { lost: unknown[] } {
  const lost: unknown[] = [];
  const onLost = (error: unknown) => lost.push(error);
  return { ...createAccessTimes(coffer.deps.database.background, { intervalMs, onLost }), lost };
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

  it("is the time of the read, not of the write; of a secret, the time of the latest read of its versions", async () => {
    const secret = await createSecret(coffer);
    const { id } = secret;
    await addVersion(coffer, secret, "v2");
    await coffer.deps.accessTimes.flush();
    const times = [await databaseTimeMs()];
    for (const version of ["2", "1"]) {
      await readText(coffer, { id }, version);
      times.push(await databaseTimeMs());
      await sleep(600);
    }
    await coffer.deps.accessTimes.flush();
    const [begin = 0, between = 0, end = 0] = times;
    const [second, first] = [await getVersion(id, "2"), await getVersion(id, "1")];
    // The statement takes a moment to reach the database.
    const travelMs = 400;
    expect(timeOf(second.lastAccessedTime)).toBeGreaterThanOrEqual(begin - 1);
    expect(timeOf(second.lastAccessedTime)).toBeLessThanOrEqual(between + travelMs);
    expect(timeOf(first.lastAccessedTime)).toBeGreaterThanOrEqual(between - 1);
    expect(timeOf(first.lastAccessedTime)).toBeLessThanOrEqual(end + travelMs);
    const ofSecret = timeOf((await getSecret(coffer, { id })).lastAccessedTime);
    expect(Math.abs(ofSecret - timeOf(first.lastAccessedTime))).toBeLessThanOrEqual(travelMs);
  });

  it("is written once for all reads of a minute, and not for one that fails", async () => {
    const secret = await createSecret(coffer);
    const { id } = secret;
    await addVersion(coffer, secret, "v2");
    await coffer.clients().secrets.disableSecretVersion({ ...byId(id), version: "1" });
    const [first, second] = await writesOf(id);
    await readText(coffer, { id });
    await expectError(readText(coffer, { id }, "1"), { reason: "VERSION_DISABLED" });
    await coffer.deps.accessTimes.flush();
    const [firstAfter, secondAfter] = await writesOf(id);
    expect(firstAfter).toEqual(first);
    expect(secondAfter).toMatchObject({ revision: second?.["revision"] });
    expect(secondAfter).not.toEqual(second);
    await Promise.all(Array.from({ length: 100 }, () => readText(coffer, { id })));
    await coffer.deps.accessTimes.flush();
    expect(await writesOf(id)).toEqual([firstAfter, secondAfter]);
  });

  it("is never behind the latest read by more than the interval and two seconds, and is written once in an interval", async () => {
    const { id, secret, version } = await createRows();
    const times = otherAccessTimes(1_000);
    const begin = performance.now();
    const writes = new Set<unknown>();
    let behindMsMax = 0;
    let previous = 0;
    while (performance.now() < begin + 5_000) {
      times.touch(secret, version);
      const [row] = await coffer.sql("select xmin::text, last_accessed_time from secret_version where secret_id = $1", [
        id,
      ]);
      const noted = row?.["last_accessed_time"] as Date | null;
      if (noted) {
        writes.add(row?.["xmin"]);
        expect(noted.getTime()).toBeGreaterThanOrEqual(previous);
        previous = noted.getTime();
        behindMsMax = Math.max(behindMsMax, Date.now() - previous);
      }
      await sleep(20);
    }
    expect(writes.size).toBeGreaterThan(1);
    expect(writes.size).toBeLessThanOrEqual(5);
    expect(behindMsMax).toBeLessThan(3_000);
    await times.flush();
    expect(times.lost).toEqual([]);
  });

  it("never goes back when an instance writes an earlier read after another has written a later one", async () => {
    const { id, secret, version } = await createRows();
    const [early, late] = [otherAccessTimes(60_000), otherAccessTimes(60_000)];
    early.touch(secret, version);
    await sleep(50);
    late.touch(secret, version);
    await late.flush();
    const latest = [(await getVersion(id, "1")).lastAccessedTime, (await getSecret(coffer, { id })).lastAccessedTime];
    expect(latest).not.toContain(undefined);
    await early.flush();
    expect([(await getVersion(id, "1")).lastAccessedTime, (await getSecret(coffer, { id })).lastAccessedTime]).toEqual(
      latest,
    );
  });

  it("is written with the next read, not a minute later, when it could not be written", async () => {
    const { id, secret, version } = await createRows();
    await coffer.sql(`create function refuse_times() returns trigger language plpgsql as $$ begin raise 'no times'; end $$;
      create trigger refuse_times before update on secret_version for each row when (new.secret_id = '${id}')
        execute function refuse_times()`);
    const times = otherAccessTimes(60_000);
    times.touch(secret, version);
    await times.flush();
    expect(times.lost).toHaveLength(1);
    await coffer.sql("drop trigger refuse_times on secret_version; drop function refuse_times");
    times.touch(secret, version);
    await times.flush();
    expect((await getVersion(id, "1")).lastAccessedTime).toBeDefined();
    expect(times.lost).toHaveLength(1);
  });

  it("does not keep changes of the same versions waiting for each other", async () => {
    const { id, secret, version } = await createRows();
    const { secrets } = coffer.clients();
    const times = otherAccessTimes(1);
    const reads = Array.from({ length: 40 }, async () => {
      await readText(coffer, { id });
      times.touch(secret, version);
      await times.flush();
    });
    const changes = async () => {
      for (let round = 0; round < 10; round++) {
        await secrets.addSecretVersion({ ...byId(id), value: { case: "generate", value: { byteLength: 16 } } });
        await secrets.destroySecretVersion({ ...byId(id), version: String(round + 2) });
      }
    };
    await Promise.all([...reads, changes()]);
    expect((await getSecret(coffer, { id })).versionCount).toBe(11);
    expect(times.lost).toEqual([]);
  });
});
