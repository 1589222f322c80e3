// Fixtures for jobs: one run of a job, secrets that are due, and their rows afterwards.
import type { Job } from "../../src/jobs/job.ts";
import { type JobRun, runJob } from "../../src/jobs/run-job.ts";
import type { TestCoffer } from "./coffer.ts";
import { createSecret, softDelete } from "./secrets.ts";

/** Settings of an instance whose jobs look for work all the time. */
export const eagerJobs = { COFFER_JOBS: "on", COFFER_JOBS_INTERVAL_MS: "50" };

export function run(coffer: Pick<TestCoffer, "deps">, job: Job): Promise<JobRun> {
  return runJob(coffer.deps, job, new AbortController().signal);
}

/** A soft-deleted secret whose purge_time has come. */
export async function duePurge(coffer: TestCoffer, token?: string): Promise<{ id: string; name: string }> {
  const { id, name } = await createSecret(coffer, {}, token);
  await coffer.clients(token).secrets.deleteSecret({ secret: { case: "id", value: id } });
  await coffer.sql("update secret set purge_time = now() where secret_id = $1", [id]);
  return { id, name };
}

/** Copies of one soft-deleted secret with two versions, all due: many, and fast. Their MACs are not right. */
export async function duePurges(coffer: TestCoffer, count: number): Promise<string[]> {
  const secret = await softDelete(coffer, await createSecret(coffer));
  const ids = Array.from({ length: count }, (_, index) => `sec_due-${secret.id.slice(4)}-${index}`);
  const columns = async (table: string, except: string[]) =>
    (
      await coffer.sql(
        "select column_name from information_schema.columns where table_name = $1 and column_name <> all ($2)",
        [table, except],
      )
    ).map((row) => String(row["column_name"]));
  const ofSecret = (await columns("secret", ["secret_id", "purge_time", "version_count"])).join(", ");
  await coffer.sql(
    `insert into secret (secret_id, purge_time, version_count, ${ofSecret})
      select c.id, now() - interval '1 hour' + c.ordinal * interval '1 millisecond', 2, ${ofSecret}
      from secret, unnest($2::text[]) with ordinality as c (id, ordinal) where secret_id = $1`,
    [secret.id, ids],
  );
  const ofVersion = (await columns("secret_version", ["secret_id", "version_id", "version_number"])).join(", ");
  await coffer.sql(
    `insert into secret_version (secret_id, version_id, version_number, ${ofVersion})
      select c.id, 'secv_' || c.id || n, n, ${ofVersion}
      from secret_version, unnest($2::text[]) as c (id), generate_series(1, 2) as n where secret_id = $1`,
    [secret.id, ids],
  );
  return ids;
}

/** Counts the rows of secrets: complete (two versions, no event) or purged (one event). */
export async function problemsOfPurge(
  coffer: Pick<TestCoffer, "sql">,
  ids: readonly string[],
): Promise<{ gone: number; problems: string[] }> {
  const rows = await coffer.sql(
    `with c as (select unnest($1::text[]) as id),
        s as (select secret_id as id, count(*)::int as count from secret group by 1),
        v as (select secret_id as id, count(*)::int as count from secret_version group by 1),
        e as (select resource_id as id, count(*)::int as count from audit_event where method = 'coffer.jobs/PurgeSecrets' group by 1)
      select c.id, coalesce(s.count, 0) as secrets, coalesce(v.count, 0) as versions, coalesce(e.count, 0) as events
      from c left join s using (id) left join v using (id) left join e using (id)`,
    [ids],
  );
  const shapes = rows.map((row) => ({
    id: row["id"],
    shape: [row["secrets"], row["versions"], row["events"]].join(" "),
  }));
  return {
    gone: shapes.filter(({ shape }) => shape === "0 0 1").length,
    problems: shapes
      .filter(({ shape }) => shape !== "0 0 1" && shape !== "1 2 0")
      .map(({ id, shape }) => `${id}: secrets, versions and events are ${shape}`),
  };
}

/** The events about a resource that no call has written. */
export function systemEvents(coffer: Pick<TestCoffer, "sql">, resourceId: string): Promise<Record<string, unknown>[]> {
  return coffer.sql(
    `select workspace_id, principal_id, token_id, method, resource_type, version_number, decision, rule, result, occurrences
      from audit_event where resource_id = $1 and principal_id = 'system' order by event_time`,
    [resourceId],
  );
}
