// Purging, on the real servers: at purge_time and not before, once, whole or not at all.
import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { SecretState } from "../../gen/coffer/v1/secret_pb.ts";
import { purgeSecrets } from "../../src/jobs/purge-secrets.ts";
import { otherWorkspace } from "../support/broad-token.ts";
import { startCoffer, useCoffer } from "../support/coffer.ts";
import { errorOf, expectError, secretNotFound } from "../support/errors.ts";
import { duePurge, duePurges, eagerJobs, problemsOfPurge, run, systemEvents } from "../support/jobs.ts";
import { inParallel } from "../support/parallel.ts";
import { until } from "../support/poll.ts";
import { withKey } from "../support/replay.ts";
import { addVersion, byId, createSecret, data, getSecret, newName, readText, softDelete } from "../support/secrets.ts";
import { setSecrets } from "../support/signed-rows.ts";

const coffer = useCoffer();
const purge = () => run(coffer, purgeSecrets);
const stored = (id: string) =>
  coffer.sql(
    "select secret_id from secret where secret_id = $1 union all select secret_id from secret_version where secret_id = $1",
    [id],
  );
const waiting = `select 1 from pg_locks join pg_stat_activity using (pid)
  where not granted and datname = current_database()`;

describe("at its purge_time", () => {
  it("a secret goes with all of its versions, and leaves one event of the system", async () => {
    const { workspaceId } = await coffer.clients().tokens.whoAmI({});
    const secret = await createSecret(coffer);
    await addVersion(coffer, secret, "v2");
    const { id } = await softDelete(coffer, secret);
    await coffer.sql("update secret set purge_time = now() where secret_id = $1", [id]);
    expect((await purge()).items).toBe(1);
    expect(await stored(id)).toEqual([]);
    const { secrets } = coffer.clients();
    await expectError(secrets.undeleteSecret({ id }), secretNotFound);
    await expectError(secrets.undeleteSecret({ id, newName: newName() }), secretNotFound);
    await expectError(secrets.getSecret(byId(id)), secretNotFound);
    await expectError(secrets.deleteSecret({ ...byId(id), force: true }), secretNotFound);
    expect(await purge()).toMatchObject({ items: 0, transactions: 0 });
    expect(await systemEvents(coffer, id)).toEqual([
      {
        workspace_id: workspaceId,
        principal_id: "system",
        token_id: "",
        method: "coffer.jobs/PurgeSecrets",
        resource_type: "secret",
        version_number: null,
        decision: "ALLOW",
        rule: "purge_time",
        result: "OK",
        occurrences: 1,
      },
    ]);
  });

  it("a secret goes at once where the workspace keeps nothing, or when it was deleted by force", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const { workspaces } = coffer.clients(ownerToken);
    const forced = await createSecret(coffer, {}, ownerToken);
    await coffer.clients(ownerToken).secrets.deleteSecret({ ...byId(forced.id), force: true });
    const workspace = { purgeRetention: { seconds: 0n } };
    await workspaces.updateWorkspace({ workspace, updateMask: { paths: ["purge_retention"] } });
    const kept = await createSecret(coffer, {}, ownerToken);
    await coffer.clients(ownerToken).secrets.deleteSecret(byId(kept.id));
    await purge();
    expect([...(await stored(forced.id)), ...(await stored(kept.id))]).toEqual([]);
  });
});

describe("leaves alone", () => {
  it("what is active, what is not due, and all that is of another workspace", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const due = await duePurge(coffer, ownerToken);
    const active = await createSecret(coffer);
    const early = await softDelete(coffer, await createSecret(coffer));
    const expired = await createSecret(coffer);
    await coffer.sql("update secret set purge_time = now() + interval '5 seconds' where secret_id = $1", [early.id]);
    await setSecrets(coffer, "expire_time = now() - interval '90 days'", [expired.id]);
    expect((await purge()).items).toBe(1);
    expect(await stored(due.id)).toEqual([]);
    expect(await readText(coffer, active)).toBe("v1");
    expect((await coffer.clients().secrets.undeleteSecret({ id: early.id })).secret?.state).toBe(SecretState.ACTIVE);
    expect(await readText(coffer, early)).toBe("v1");
    expect(await stored(expired.id)).toHaveLength(2);
  });

  it("an active secret under the same name", async () => {
    const due = await duePurge(coffer);
    const other = await createSecret(coffer, { name: due.name });
    await purge();
    expect(await readText(coffer, other)).toBe("v1");
    expect(await stored(due.id)).toEqual([]);
  });
});

describe("idempotency keys of calls about a purged secret", () => {
  it("make nothing anew: the secret is not found, and the key stays used", async () => {
    const { secrets } = coffer.clients();
    const name = newName();
    const create = (text: string) =>
      withKey(`create ${name}`, (options) => secrets.createSecret({ name, value: data(text) }, options));
    const id = (await create("v")).answer.secret?.id ?? "";
    const remove = () =>
      withKey(`delete ${name}`, (options) => secrets.deleteSecret({ ...byId(id), force: true }, options));
    const add = () =>
      withKey(`add ${name}`, (options) => secrets.addSecretVersion({ ...byId(id), value: data("w") }, options));
    await add();
    await remove();
    await purge();
    for (const call of [() => create("v"), remove]) await expectError(call(), secretNotFound);
    await expectError(add(), { code: "NotFound" });
    expect((await errorOf(create("other"))).reason).toBe("IDEMPOTENCY_KEY_REUSED");
    expect(await coffer.sql("select 1 from secret where name = $1", [name])).toEqual([]);
  });
});

describe("in small transactions", () => {
  it("hundreds are purged, each with one event, and a secret with a great many versions goes whole", async () => {
    const ids = await duePurges(coffer, 900);
    const [big = ""] = ids.splice(450, 1);
    await coffer.sql(
      `insert into secret_version (workspace_id, secret_id, version_number, version_id, state, comment, payload_form, kms_key_id,
          kms_key_version, mac)
        select workspace_id, secret_id, n, version_id || '-' || n, 'DESTROYED', '', 'data', kms_key_id, kms_key_version, mac
        from secret_version, generate_series(3, 1200) as n where secret_id = $1 and version_number = 1`,
      [big],
    );
    await coffer.sql("update secret set version_count = 1200 where secret_id = $1", [big]);
    const done = await purge();
    expect(done.items).toBe(900);
    expect(done.transactions).toBeGreaterThanOrEqual(6);
    expect(await problemsOfPurge(coffer, [...ids, big])).toEqual({ gone: 900, problems: [] });
  });
});

describe("two instances that run the job at once", () => {
  it("purge everything once", async () => {
    const ids = await duePurges(coffer, 2_000);
    const instances = await Promise.all([1, 2].map(() => startCoffer({ besides: coffer, env: eagerJobs })));
    try {
      await until("all is gone", async () => (await problemsOfPurge(coffer, ids)).gone === ids.length, 15_000);
      expect((await problemsOfPurge(coffer, ids)).problems).toEqual([]);
      const late = await duePurge(coffer);
      await until("the next one too", async () => (await stored(late.id)).length === 0);
      expect(await systemEvents(coffer, late.id)).toHaveLength(1);
    } finally {
      for (const instance of instances) await instance.close();
    }
  });
});

describe("undeleting and purging at once", () => {
  it("purges nothing that another transaction holds, and waits for nobody", async () => {
    const { id } = await duePurge(coffer);
    const holder = new Client(coffer.databaseUrl);
    await holder.connect();
    try {
      await holder.query("begin");
      await holder.query("select 1 from secret where secret_id = $1 for update", [id]);
      expect((await purge()).items).toBe(0);
      expect(await stored(id)).toHaveLength(2);
      await holder.query("rollback");
    } finally {
      await holder.end();
    }
    expect((await purge()).items).toBe(1);
  });

  it("lets an undelete that comes too late find nothing", async () => {
    const { id } = await softDelete(coffer, await createSecret(coffer));
    let undeleting: Promise<unknown> | undefined;
    await coffer.deps.database.transaction(async (tx) => {
      await coffer.sql("update secret set purge_time = now() - interval '1 day' where secret_id = $1", [id]);
      expect(await purgeSecrets.runBatch(coffer.deps, tx)).toBe(1);
      undeleting = errorOf(coffer.clients().secrets.undeleteSecret({ id }));
      await until("it waits", async () => (await coffer.sql(waiting)).length > 0);
    });
    expect(await undeleting).toMatchObject(secretNotFound);
    expect(await stored(id)).toEqual([]);
  });

  it("around the very moment lets one of them win, each time cleanly", async () => {
    const instance = await startCoffer({ besides: coffer, env: { COFFER_JOBS: "on", COFFER_JOBS_INTERVAL_MS: "50" } });
    try {
      const secrets = await Promise.all(
        Array.from({ length: 120 }, async () => softDelete(coffer, await createSecret(coffer))),
      );
      await coffer.sql(
        "update secret set purge_time = now() + random() * interval '600 milliseconds' where secret_id = any ($1)",
        [secrets.map(({ id }) => id)],
      );
      const results = await inParallel(secrets.length, 8, async (index) => {
        const { id } = secrets[index] as { id: string };
        await coffer.clients().secrets.undeleteSecret({ id });
      });
      await until("the others are gone", async () => {
        const [left] = await coffer.sql(
          "select count(*)::int as count from secret where state = 'SOFT_DELETED' and purge_time <= now() and secret_id = any ($1)",
          [secrets.map(({ id }) => id)],
        );
        return left?.["count"] === 0;
      });
      for (const [index, { status }] of results.entries()) {
        const { id } = secrets[index] as { id: string };
        if (status === "fulfilled") {
          expect((await getSecret(coffer, { id })).state).toBe(SecretState.ACTIVE);
          expect(await readText(coffer, { id })).toBe("v1");
          expect(await systemEvents(coffer, id)).toEqual([]);
        } else {
          await until("it is gone", async () => (await stored(id)).length === 0);
          expect(await systemEvents(coffer, id)).toHaveLength(1);
        }
      }
      const won = results.filter(({ status }) => status === "fulfilled").length;
      expect(won).toBeGreaterThan(0);
      expect(won).toBeLessThan(secrets.length);
    } finally {
      await instance.close();
    }
  });
});
