// Lifetimes that are judged behind a lock use the time after the wait, not the time at which the transaction began.
import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { SecretState } from "../../gen/coffer/v1/secret_pb.ts";
import { WorkspaceTier } from "../../gen/coffer/v1/workspace_service_pb.ts";
import { useCoffer } from "../support/coffer.ts";
import { errorOf, secretNotFound } from "../support/errors.ts";
import { createKey } from "../support/keys.ts";
import { until } from "../support/poll.ts";
import { addVersion, byId, createSecret, data, getSecret, newName, present, softDelete } from "../support/secrets.ts";

const coffer = useCoffer();

const waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";

/** Runs `call` while another session holds the rows that `lock` selects, and `meanwhile` once the call waits for them. */
async function behind<T>(lock: string, values: unknown[], call: () => Promise<T>, meanwhile: () => Promise<unknown>) {
  const holder = new Client(coffer.databaseUrl);
  await holder.connect();
  try {
    await holder.query("begin");
    await holder.query(`${lock} for update`, values);
    const answer = call();
    answer.catch(() => {});
    await until("the call waits for the lock", async () => (await coffer.sql(waiting)).length > 0);
    await meanwhile();
    await holder.query("rollback");
    return await answer;
  } finally {
    await holder.end();
  }
}

const passes = async (row: Record<string, unknown> | undefined) => {
  const time = row?.["time"] as Date;
  await until("the time has come", async () => {
    const [now] = await coffer.sql("select clock_timestamp() > $1 as passed", [time]);
    return now?.["passed"] === true;
  });
};

describe("a force delete", () => {
  it("is not undone by an undelete whose transaction began before it", async () => {
    const created = await coffer.clients().workspaces.createWorkspace({ displayName: "pro", tier: WorkspaceTier.PRO });
    const { ownerToken, workspace } = created;
    const { secrets } = coffer.clients(ownerToken);
    const { id } = await createSecret(coffer, {}, ownerToken);
    await secrets.deleteSecret(byId(id));
    // The workspace's limit is counted first, under a lock, so the undelete has begun before the delete begins.
    const undelete = await behind(
      "select 1 from workspace where workspace_id = $1",
      [present(workspace).id],
      () => errorOf(secrets.undeleteSecret({ id })),
      () => secrets.deleteSecret({ ...byId(id), force: true }),
    );
    expect(undelete).toMatchObject(secretNotFound);
    expect((await secrets.getSecret(byId(id))).secret?.state).toBe(SecretState.SOFT_DELETED);
  });

  it("leaves no active secret without a value, in any of 300 races", async () => {
    const { secrets } = coffer.clients();
    const race = async () => {
      const { id } = await softDelete(coffer, await createSecret(coffer));
      await Promise.allSettled([secrets.undeleteSecret({ id }), secrets.deleteSecret({ ...byId(id), force: true })]);
      const { state, enabledVersionCount } = await getSecret(coffer, { id });
      return state === SecretState.ACTIVE && enabledVersionCount === 0 ? id : [];
    };
    const lost: unknown[] = [];
    for (let round = 0; round < 30; round++) lost.push(...(await Promise.all(Array.from({ length: 10 }, race))).flat());
    expect(lost).toEqual([]);
  });

  it("lets nothing come back when the clock of the database goes back", async () => {
    const { id } = await softDelete(coffer, await createSecret(coffer), true);
    await coffer.sql(
      `update secret set purge_time = purge_time + interval '1 hour', delete_time = delete_time + interval '1 hour'
        where secret_id = $1`,
      [id],
    );
    expect(await errorOf(coffer.clients().secrets.undeleteSecret({ id }))).toMatchObject(secretNotFound);
  });
});

describe("while a call waits", () => {
  const lockSecret = "select 1 from secret where secret_id = $1";

  it("a secret that expires takes no new version and no other name", async () => {
    const { secrets } = coffer.clients();
    for (const call of [
      (id: string) => secrets.addSecretVersion({ ...byId(id), value: data("v2") }),
      (id: string) => secrets.updateSecret({ secret: { id, name: newName() }, updateMask: { paths: ["name"] } }),
    ]) {
      const ttl = { case: "ttl", value: { seconds: 1n } } as const;
      const { id } = await createSecret(coffer, { expiration: ttl });
      const [end] = await coffer.sql("select expire_time as time from secret where secret_id = $1", [id]);
      const answer = await behind(
        lockSecret,
        [id],
        () => errorOf(call(id)),
        () => passes(end),
      );
      expect(answer.reason).toBe("SECRET_SOFT_DELETED");
    }
  });

  it("a version whose scheduled destruction comes is not enabled again", async () => {
    const { secrets } = coffer.clients();
    const secret = await createSecret(coffer);
    await addVersion(coffer, secret, "v2");
    await secrets.destroySecretVersion({ ...byId(secret.id), version: "1", destroyAfter: { seconds: 86_400n } });
    const [end] = await coffer.sql(
      `update secret_version set scheduled_destroy_time = now() + interval '1 second'
        where secret_id = $1 and version_number = 1 returning scheduled_destroy_time as time`,
      [secret.id],
    );
    const answer = await behind(
      lockSecret,
      [secret.id],
      () => errorOf(secrets.enableSecretVersion({ ...byId(secret.id), version: "1" })),
      () => passes(end),
    );
    expect(answer.reason).toBe("VERSION_ALREADY_DESTROYED");
  });

  it("a key whose scheduled destruction comes is not saved any more", async () => {
    const { keys } = coffer.clients();
    const { id } = await createKey(coffer);
    await keys.scheduleKeyDestruction({ id });
    const [end] = await coffer.sql(
      `update kms_key set scheduled_destroy_time = now() + interval '1 second'
        where kms_key_id = $1 returning scheduled_destroy_time as time`,
      [id],
    );
    const answer = await behind(
      "select 1 from kms_key where kms_key_id = $1",
      [id],
      () => errorOf(keys.cancelKeyDestruction({ id })),
      () => passes(end),
    );
    expect(answer.reason).toBe("KEY_DESTROYED");
  });

  it("a token that expires is not rotated", async () => {
    const { tokens } = coffer.clients();
    const ttl = { case: "ttl", value: { seconds: 1n } } as const;
    const { id } = present((await tokens.createToken({ displayName: "t", expiration: ttl })).apiToken);
    const [end] = await coffer.sql("select expire_time as time from api_token where token_id = $1", [id]);
    const answer = await behind(
      "select 1 from api_token where token_id = $1",
      [id],
      () => errorOf(tokens.rotateToken({ id })),
      () => passes(end),
    );
    expect(answer.reason).toBe("TOKEN_NOT_ACTIVE");
  });
});
