// A server that takes no writes any more: coffer says so, and works again within two seconds once there is one that does.
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { migrate } from "../../src/store/migrate.ts";
import { startCoffer, type TestCoffer, useCoffer } from "../support/coffer.ts";
import { errorOf } from "../support/errors.ts";
import { until } from "../support/poll.ts";
import { type PostgresPair, startPostgresPair } from "../support/postgres-pair.ts";
import { createSecret, readText } from "../support/secrets.ts";

const healsWithinMs = 2_000;
const statusOf = async (coffer: TestCoffer) => (await coffer.fetch("/readyz")).status;

describe("a database that is set to read-only", () => {
  const coffer = useCoffer();
  const name = () => new URL(coffer.databaseUrl.replace("@/", "@host/")).pathname.slice(1);
  const endBackends = () =>
    coffer.sql(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'coffer'`);

  it("is UNAVAILABLE and not ready while it lasts, and every change succeeds within two seconds after it", async () => {
    await Promise.all(Array.from({ length: 10 }, () => createSecret(coffer)));
    await coffer.sql(`alter database ${name()} set default_transaction_read_only = on`);
    await endBackends();
    expect(await errorOf(createSecret(coffer))).toMatchObject({
      code: "Unavailable",
      reason: "DEPENDENCY_UNAVAILABLE",
    });
    await until("it is not ready", async () => (await statusOf(coffer)) === 503, healsWithinMs);
    // As many as the pool holds, all of them read-only.
    await Promise.all(Array.from({ length: 10 }, () => errorOf(createSecret(coffer))));
    // The default does not hold where it is taken back.
    const client = new Client(coffer.databaseUrl);
    await client.connect();
    await client.query("set default_transaction_read_only = off");
    await client.query(`alter database ${name()} reset default_transaction_read_only`);
    await client.end();
    const start = performance.now();
    for (let made = 0; made < 20; made++) await createSecret(coffer);
    await until("it is ready", async () => (await statusOf(coffer)) === 200, healsWithinMs);
    expect(performance.now() - start).toBeLessThan(healsWithinMs);
  });
});

describe("a primary whose standby takes its place", () => {
  let pair: PostgresPair;
  beforeAll(async () => {
    pair = await startPostgresPair();
    await migrate(pair.primaryUrl);
  });
  afterAll(() => pair.close());

  it("is left for the standby, which comes later in the URL, within two seconds after that is promoted", async () => {
    const coffer = await startCoffer({ through: () => pair.urlOfBoth("&target_session_attrs=read-write") });
    onTestFinished(coffer.close);
    const secret = await createSecret(coffer);
    const onStandby = await startCoffer({ besides: coffer, through: () => pair.urlOfBoth("") });
    onTestFinished(onStandby.close);
    expect(await statusOf(onStandby)).toBe(200);
    await pair.stopPrimary();
    expect(await errorOf(createSecret(coffer))).toMatchObject({ code: "Unavailable" });
    await until("it is not ready", async () => (await statusOf(coffer)) === 503, healsWithinMs);
    await pair.promoteStandby();
    await until(
      "it creates",
      () =>
        createSecret(coffer).then(
          () => true,
          () => false,
        ),
      healsWithinMs,
    );
    for (let made = 0; made < 20; made++) await createSecret(coffer);
    expect(await readText(coffer, secret)).toBe("v1");
    await until("it is ready", async () => (await statusOf(coffer)) === 200, healsWithinMs);
  });
});
