// kill -9 and SIGTERM in the middle of a purge: every secret is whole or gone, with exactly one event for each that is gone.
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createClients, useCoffer } from "../support/coffer.ts";
import { duePurges, eagerJobs, problemsOfPurge } from "../support/jobs.ts";
import { until } from "../support/poll.ts";
import { startPostgresProxy } from "../support/postgres-proxy.ts";
import { useProcesses } from "../support/processes.ts";
import { createSecret, readText } from "../support/secrets.ts";

const processes = useProcesses();
/** Its database and keyring are what the processes serve; its own jobs are off. */
const coffer = useCoffer({ redisUrl: null });
const total = 2_000;

const serve = (env: Record<string, string> = {}) =>
  processes.serve({
    ...processes.settingsOf(coffer),
    COFFER_LOG_FORMAT: "json",
    ...eagerJobs,
    ...env,
  });

const leftOf = async (ids: readonly string[]) =>
  Number(
    (await coffer.sql("select count(*)::int as count from secret where secret_id = any ($1)", [ids]))[0]?.["count"],
  );

describe.each(["kill", "stop"] as const)("%s in the middle of a purge", (end) => {
  it("leaves each secret whole or gone, and another instance purges the rest", async () => {
    const bystander = await createSecret(coffer);
    const ids = await duePurges(coffer, total);
    const serving = await serve();
    await until("it is in the middle", async () => (await leftOf(ids)) < total * 0.9, 20_000);
    const ended = await serving[end]();
    if (end === "stop") expect(ended).toMatchObject({ code: 0, signal: null, stderr: "" });
    const left = await leftOf(ids);
    expect(left).toBeGreaterThan(0);
    expect(await problemsOfPurge(coffer, ids)).toEqual({ gone: total - left, problems: [] });

    const other = await serve();
    await until("the rest is gone", async () => (await leftOf(ids)) === 0, 30_000);
    expect(await problemsOfPurge(coffer, ids)).toEqual({ gone: total, problems: [] });
    expect(await readText(coffer, bystander)).toBe("v1");
    expect(
      (
        await createClients(other.url, coffer.ownerToken).secrets.getSecret({
          secret: { case: "id", value: bystander.id },
        })
      ).secret?.id,
    ).toBe(bystander.id);
    expect(await other.stop()).toMatchObject({ code: 0, stderr: "" });
  });
});

it("Postgres that hangs while jobs ask it does not keep the process from ending", async () => {
  const proxy = await startPostgresProxy();
  const ids = await duePurges(coffer, 1);
  try {
    const serving = await serve({
      COFFER_DATABASE_URL: proxy.through(coffer.databaseUrl),
      COFFER_SHUTDOWN_GRACE_MS: "500",
    });
    await until("jobs are at work", async () => (await leftOf(ids)) === 0);
    proxy.freeze();
    // Every job asks now, and gets no answer.
    await sleep(500);
    const start = performance.now();
    expect(await serving.stop()).toMatchObject({ code: 0, stderr: "" });
    expect(performance.now() - start).toBeLessThan(8_000);
  } finally {
    await proxy.close();
  }
});

it("the check sees a secret that was purged in part, or twice", async () => {
  const [partly = "", twice = "", whole = ""] = await duePurges(coffer, 3);
  await coffer.sql("delete from secret_version where secret_id = $1 and version_number = 1", [partly]);
  await coffer.sql("delete from secret_version where secret_id = $1", [twice]);
  await coffer.sql("delete from secret where secret_id = $1", [twice]);
  await coffer.sql(
    `insert into audit_event (workspace_id, event_id, request_id, principal_id, token_id, method, resource_type, resource_id,
        decision, rule, address, user_agent, result, occurrences)
      select 'ws', 'aud_' || n, '', 'system', '', 'coffer.jobs/PurgeSecrets', 'secret', $1, 'ALLOW', '', '', '', 'OK', 1
      from generate_series(1, 2) as n`,
    [twice],
  );
  const { gone, problems } = await problemsOfPurge(coffer, [partly, twice, whole]);
  expect(gone).toBe(0);
  expect(new Set(problems.map((problem) => problem.split(":")[0]))).toEqual(new Set([partly, twice]));
});
