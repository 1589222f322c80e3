// Noting down what has expired, on the real servers: readers know it before, the row and the audit trail after.
import { describe, expect, it } from "vitest";
import { SecretState } from "../../gen/coffer/v1/secret_pb.ts";
import { expireSecrets } from "../../src/jobs/expire-secrets.ts";
import { purgeSecrets } from "../../src/jobs/purge-secrets.ts";
import { otherWorkspace } from "../support/broad-token.ts";
import { startCoffer, useCoffer } from "../support/coffer.ts";
import { expectError, secretNotFound } from "../support/errors.ts";
import { eagerJobs, run, systemEvents } from "../support/jobs.ts";
import { until } from "../support/poll.ts";
import { byId, createSecret, getSecret, readText, timeOf } from "../support/secrets.ts";
import { setSecrets } from "../support/signed-rows.ts";

const coffer = useCoffer();
const ttl = (ms: number) =>
  ({ case: "ttl", value: { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1e6 } }) as const;
const expireNow = (id: string) => setSecrets(coffer, "expire_time = now() - interval '1 minute'", [id]);
const storedState = async (id: string) =>
  (await coffer.sql("select state from secret where secret_id = $1", [id]))[0]?.["state"];

describe("at its expire_time", () => {
  it("a secret is soft-deleted since then, which changes nothing that was to be seen, and has one event", async () => {
    const { id } = await createSecret(coffer, { expiration: ttl(3_600_000) });
    await expireNow(id);
    const before = await getSecret(coffer, { id });
    await expectError(coffer.clients().secrets.getSecretValue(byId(id)), secretNotFound);
    expect(await storedState(id)).toBe("ACTIVE");
    expect((await run(coffer, expireSecrets)).items).toBe(1);
    expect(await storedState(id)).toBe("SOFT_DELETED");
    const after = await getSecret(coffer, { id });
    expect(after).toEqual({ ...before, etag: "2", updateTime: after.updateTime });
    expect(timeOf(after.purgeTime) - timeOf(after.expireTime)).toBe(30 * 86_400_000);
    expect((await run(coffer, expireSecrets)).items).toBe(0);
    expect(await systemEvents(coffer, id)).toEqual([
      expect.objectContaining({ method: "coffer.jobs/ExpireSecrets", rule: "expire_time", resource_type: "secret" }),
    ]);
    expect((await coffer.clients().secrets.undeleteSecret({ id })).secret?.state).toBe(SecretState.ACTIVE);
    expect(await readText(coffer, { id })).toBe("v1");
  });

  it("a secret of a workspace that keeps nothing is purged next", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    await coffer.clients(ownerToken).workspaces.updateWorkspace({ workspace: { purgeRetention: { seconds: 0n } } });
    const { id } = await createSecret(coffer, { expiration: ttl(3_600_000) }, ownerToken);
    const kept = await createSecret(coffer, { expiration: ttl(3_600_000) });
    for (const secret of [id, kept.id]) await expireNow(secret);
    await run(coffer, expireSecrets);
    await run(coffer, purgeSecrets);
    expect(await storedState(id)).toBeUndefined();
    expect(await storedState(kept.id)).toBe("SOFT_DELETED");
  });

  it("a secret refuses to be read from that moment, and an instance notes it down soon", async () => {
    const instance = await startCoffer({ besides: coffer, env: eagerJobs });
    try {
      const { id } = await createSecret(coffer, { expiration: ttl(500) });
      expect(await readText(coffer, { id })).toBe("v1");
      await until("it is noted down", async () => (await storedState(id)) === "SOFT_DELETED");
      await expectError(coffer.clients().secrets.getSecretValue(byId(id)), secretNotFound);
      expect(await systemEvents(coffer, id)).toHaveLength(1);
    } finally {
      await instance.close();
    }
  });
});

it("leaves alone what never expires, what expires later and what was deleted before", async () => {
  const [never, later, deleted] = await Promise.all([
    createSecret(coffer),
    createSecret(coffer, { expiration: ttl(60_000) }),
    createSecret(coffer, { expiration: ttl(60_000) }),
  ]);
  await coffer.clients().secrets.deleteSecret(byId(deleted.id));
  await expireNow(deleted.id);
  const before = await getSecret(coffer, deleted);
  expect((await run(coffer, expireSecrets)).items).toBe(0);
  for (const secret of [never, later]) expect(await readText(coffer, secret)).toBe("v1");
  expect(await getSecret(coffer, deleted)).toEqual(before);
});

it("settles hundreds in one run, each with one event", async () => {
  const ids = (await Promise.all(Array.from({ length: 250 }, () => createSecret(coffer)))).map(({ id }) => id);
  await setSecrets(coffer, "expire_time = now()", ids);
  expect(await run(coffer, expireSecrets)).toMatchObject({ items: 250 });
  const events = await coffer.sql(
    "select resource_id from audit_event where principal_id = 'system' and resource_id = any ($1)",
    [ids],
  );
  expect(events.map((row) => String(row["resource_id"])).toSorted()).toEqual(ids.toSorted());
});
