// kill -9 in the middle of a rewrap: every secret stays readable, and the rewrap goes on.
import { join } from "node:path";
import { expect, it } from "vitest";
import { inParallel, valuesOf } from "../support/parallel.ts";
import { until } from "../support/poll.ts";
import { useProcesses } from "../support/processes.ts";
import { byId, data, present, textOf } from "../support/secrets.ts";

const count = 1_000;
const concurrency = 16;
const processes = useProcesses();

it("after kill -9 amid a rewrap every secret is readable, and afterwards none is under the old version", async () => {
  const dataDir = join(processes.newDir(), "data");
  const serve = async (jobs: "on" | "off") => {
    const serving = await processes.serve({
      COFFER_DATA_DIR: dataDir,
      COFFER_LOG_FORMAT: "json",
      COFFER_JOBS: jobs,
      COFFER_JOBS_INTERVAL_MS: "50",
      COFFER_RATE_LIMIT_PRINCIPAL: "1000000",
      COFFER_RATE_LIMIT_WORKSPACE: "1000000",
    });
    const { keys, secrets } = processes.ownerClients(serving, dataDir);
    const remaining = async () => (await keys.getKey({ id: keyId })).key?.rewrap?.remaining;
    /** How many values are under older versions of the key, and under its newest; every one of them is what was stored. */
    const read = async () => {
      const values = valuesOf(
        await inParallel(count, concurrency, async (index) => {
          const answer = await secrets.getSecretValue(byId(ids[index] as string));
          expect(textOf(answer)).toBe(`value ${index}`);
          return answer.kmsKeyVersion;
        }),
      );
      const older = values.filter((version) => version < newest).length;
      return { older, newest: values.filter((version) => version === newest).length };
    };
    return { serving, keys, secrets, remaining, read };
  };
  let keyId = "";
  let ids: string[] = [];
  let newest = 1;

  const before = await serve("on");
  keyId = present((await before.keys.createKey({ name: "rewrapped" })).key).id;
  const created = await inParallel(count, concurrency, async (index) => {
    const request = { name: `secret-${index}`, value: data(`value ${index}`), kmsKeyId: keyId };
    return present((await before.secrets.createSecret(request)).secret).id;
  });
  ids = valuesOf(created);
  expect(ids).toHaveLength(count);
  // Between two looks, and before the kill, a rewrap may be over.
  for (let left = 0; left < count / 4; ) {
    await before.keys.rotateKey({ id: keyId });
    newest++;
    for (left = count; left === count; ) left = (await before.remaining()) ?? 0;
  }
  await before.serving.kill();

  const amid = await serve("off");
  const seen = await amid.read();
  expect(seen.older).toBeGreaterThan(0);
  expect(seen.newest).toBeGreaterThan(0);
  expect(seen.older + seen.newest).toBe(count);
  expect(await amid.remaining()).toBe(seen.older);
  await amid.serving.stop();

  const after = await serve("on");
  await until("none is left", async () => (await after.remaining()) === 0, 120_000);
  expect(await after.read()).toEqual({ older: 0, newest: count });
  await after.serving.stop();
}, 300_000);
