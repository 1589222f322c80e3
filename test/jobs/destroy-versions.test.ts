// Destroying versions at their time, on the real servers.
import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { type Secret, SecretVersionState } from "../../gen/coffer/v1/secret_pb.ts";
import { coveredOfVersion, isAuthentic } from "../../src/integrity/row-macs.ts";
import { destroyVersions } from "../../src/jobs/destroy-versions.ts";
import { otherWorkspace } from "../support/broad-token.ts";
import { useCoffer } from "../support/coffer.ts";
import { errorOf, expectError } from "../support/errors.ts";
import { run, systemEvents } from "../support/jobs.ts";
import { inParallel } from "../support/parallel.ts";
import { until } from "../support/poll.ts";
import { addVersion, byId, createSecret, getSecret, present, readText, softDelete } from "../support/secrets.ts";

const coffer = useCoffer();
const { ENABLED, DISABLED, DESTROYED } = SecretVersionState;
const alreadyDestroyed = { code: "FailedPrecondition", reason: "VERSION_ALREADY_DESTROYED" };
const waiting = `select 1 from pg_locks join pg_stat_activity using (pid)
  where not granted and datname = current_database()`;

async function schedule({ id }: { id: string }, version: string, token?: string) {
  const request = { ...byId(id), version, destroyAfter: { seconds: 3600n } };
  return present((await coffer.clients(token).secrets.destroySecretVersion(request)).version);
}

/** A version whose scheduled time has come. */
async function due(secret: Secret, version = "1", token?: string) {
  const scheduled = await schedule(secret, version, token);
  await coffer.sql("update secret_version set scheduled_destroy_time = now() where version_id = $1", [scheduled.id]);
  return scheduled;
}

const getVersion = async ({ id }: { id: string }, version: string) =>
  present((await coffer.clients().secrets.getSecretVersion({ ...byId(id), version })).version);
const enable = ({ id }: { id: string }, version: string) =>
  coffer.clients().secrets.enableSecretVersion({ ...byId(id), version });
const rowOf = async (versionId: string) =>
  present((await coffer.sql("select * from secret_version where version_id = $1", [versionId]))[0]);

/** Whether the row's MAC is that of its state. */
async function hasRightMac(versionId: string): Promise<boolean> {
  const row = await rowOf(versionId);
  const covered = coveredOfVersion({
    workspaceId: String(row["workspace_id"]),
    secretId: String(row["secret_id"]),
    versionId,
    versionNumber: Number(row["version_number"]),
    state: row["state"] as "DESTROYED",
    vaultConnectionId: undefined,
  });
  return isAuthentic(coffer.deps.deploymentKeys, covered, row["mac"] as Uint8Array);
}

describe("at its scheduled time", () => {
  it("a version loses its envelope, under a right MAC, and has one event of the system; the others stay", async () => {
    const secret = await createSecret(coffer);
    await addVersion(coffer, secret, "v2");
    await addVersion(coffer, secret, "v3");
    const scheduled = await due(secret, "2");
    const later = await schedule(secret, "1");
    expect((await run(coffer, destroyVersions)).items).toBe(1);
    const destroyed = await getVersion(secret, "2");
    expect(destroyed).toMatchObject({ state: DESTROYED, etag: "3" });
    expect(destroyed.scheduledDestroyTime).toBeUndefined();
    expect(destroyed.destroyTime).toBeDefined();
    expect((await rowOf(scheduled.id))["envelope"]).toBeNull();
    expect(await hasRightMac(scheduled.id)).toBe(true);
    expect(await getVersion(secret, "1")).toEqual(later);
    expect(await readText(coffer, secret, "3")).toBe("v3");
    expect(await getSecret(coffer, secret)).toMatchObject({ currentVersion: 3, enabledVersionCount: 1, etag: "6" });
    await expectError(enable(secret, "2"), alreadyDestroyed);
    expect((await run(coffer, destroyVersions)).items).toBe(0);
    expect(await systemEvents(coffer, scheduled.id)).toEqual([
      expect.objectContaining({
        method: "coffer.jobs/DestroySecretVersions",
        rule: "scheduled_destroy_time",
        resource_type: "secret_version",
        version_number: 2,
      }),
    ]);
    expect(await systemEvents(coffer, secret.id)).toEqual([]);
  });

  it("a version of a secret that is deleted by then goes all the same, and stays gone when that is undeleted", async () => {
    const secret = await createSecret(coffer);
    await addVersion(coffer, secret, "v2");
    await due(secret, "1");
    await softDelete(coffer, secret);
    expect((await run(coffer, destroyVersions)).items).toBe(1);
    await coffer.clients().secrets.undeleteSecret({ id: secret.id });
    expect((await getVersion(secret, "1")).state).toBe(DESTROYED);
    expect(await readText(coffer, secret)).toBe("v2");
  });

  it("versions of several secrets and workspaces go in one run, several of one secret too", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const foreign = await createSecret(coffer, {}, ownerToken);
    const own = await createSecret(coffer);
    await addVersion(coffer, own, "v2");
    const versions = [await due(foreign, "1", ownerToken), await due(own, "1"), await due(own, "2")];
    const { etag } = await getSecret(coffer, own);
    expect((await run(coffer, destroyVersions)).items).toBe(3);
    for (const { id } of versions) {
      expect(await hasRightMac(id)).toBe(true);
      expect(await systemEvents(coffer, id)).toHaveLength(1);
    }
    // One change of the secret, whatever the number of its versions.
    expect(await getSecret(coffer, own)).toMatchObject({ etag: String(Number(etag) + 1), enabledVersionCount: 0 });
  });
});

describe("calling it off", () => {
  it("by enabling keeps the value, and the job leaves it alone", async () => {
    const secret = await createSecret(coffer);
    await schedule(secret, "1");
    const { version } = await enable(secret, "1");
    expect(version?.state).toBe(ENABLED);
    expect(version?.scheduledDestroyTime).toBeUndefined();
    expect((await rowOf(version?.id ?? ""))["scheduled_destroy_time"]).toBeNull();
    expect((await run(coffer, destroyVersions)).items).toBe(0);
    expect(await readText(coffer, secret)).toBe("v1");
  });

  it("is too late once the time has come, though no job has come by yet", async () => {
    const secret = await createSecret(coffer);
    await due(secret);
    await expectError(enable(secret, "1"), alreadyDestroyed);
    await expectError(schedule(secret, "1"), alreadyDestroyed);
    expect((await getVersion(secret, "1")).state).toBe(DISABLED);
    const { version } = await coffer.clients().secrets.destroySecretVersion({ ...byId(secret.id), version: "1" });
    expect(version?.state).toBe(DESTROYED);
    expect((await run(coffer, destroyVersions)).items).toBe(0);
  });

  it("while the job is at it waits for it, and is too late", async () => {
    const secret = await createSecret(coffer);
    await schedule(secret, "1");
    let enabling: Promise<unknown> | undefined;
    await coffer.deps.database.transaction(async (tx) => {
      await coffer.sql(
        "update secret_version set scheduled_destroy_time = now() - interval '1 day' where secret_id = $1",
        [secret.id],
      );
      expect(await destroyVersions.runBatch(coffer.deps, tx)).toBe(1);
      enabling = errorOf(enable(secret, "1"));
      await until("it waits", async () => (await coffer.sql(waiting)).length > 0);
    });
    expect(await enabling).toMatchObject(alreadyDestroyed);
  });

  it("before the job has the lock keeps the job out", async () => {
    const secret = await createSecret(coffer);
    await due(secret);
    const holder = new Client(coffer.databaseUrl);
    await holder.connect();
    try {
      await holder.query("begin");
      await holder.query("select 1 from secret where secret_id = $1 for update", [secret.id]);
      expect((await run(coffer, destroyVersions)).items).toBe(0);
      await holder.query("rollback");
    } finally {
      await holder.end();
    }
    expect((await run(coffer, destroyVersions)).items).toBe(1);
  });

  it("around the very moment lets one of them win, each time cleanly", async () => {
    const secrets = await Promise.all(Array.from({ length: 60 }, () => createSecret(coffer)));
    for (const secret of secrets) await schedule(secret, "1");
    const ids = secrets.map(({ id }) => id);
    await coffer.sql(
      "update secret_version set scheduled_destroy_time = now() + random() * interval '400 milliseconds' where secret_id = any ($1)",
      [ids],
    );
    let done = false;
    const jobs = (async () => {
      while (!done) await run(coffer, destroyVersions);
    })();
    const results = await inParallel(secrets.length, 4, (index) => enable(secrets[index] as Secret, "1"));
    done = true;
    await jobs;
    await coffer.sql("select pg_sleep(0.5)");
    await run(coffer, destroyVersions);
    const won = results.filter(({ status }) => status === "fulfilled").length;
    for (const [index, { status }] of results.entries()) {
      const secret = secrets[index] as Secret;
      if (status === "fulfilled") expect(await readText(coffer, secret)).toBe("v1");
      else expect((await getVersion(secret, "1")).state).toBe(DESTROYED);
    }
    expect(won).toBeGreaterThan(0);
  });
});

it("destroying by force leaves right MACs, also on what was scheduled", async () => {
  const secret = await createSecret(coffer);
  const second = await addVersion(coffer, secret, "v2");
  const scheduled = await schedule(secret, "1");
  await softDelete(coffer, secret, true);
  for (const { id } of [second, scheduled]) {
    expect(await hasRightMac(id)).toBe(true);
    expect(await rowOf(id)).toMatchObject({ state: "DESTROYED", envelope: null, scheduled_destroy_time: null });
  }
});
