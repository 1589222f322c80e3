// The runner, on the real Postgres: again and again, one at a time, until it is told to stop.
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { analyzeTables } from "../../src/jobs/analyze-tables.ts";
import type { Job, JobDeps } from "../../src/jobs/job.ts";
import { jobs } from "../../src/jobs/jobs.ts";
import { type JobRun, runJob } from "../../src/jobs/run-job.ts";
import { type JobRunner, startJobs } from "../../src/jobs/runner.ts";
import type { Database, Statement } from "../../src/store/database.ts";
import { startCoffer, useCoffer } from "../support/coffer.ts";
import { duePurge, eagerJobs } from "../support/jobs.ts";
import { until } from "../support/poll.ts";

const coffer = useCoffer();

interface Seen {
  runs: JobRun[];
  failures: { job: string; retryMs: number }[];
  runner: JobRunner;
}

function startWith(deps: JobDeps, own: readonly Job[], intervalMs = 50): Seen {
  const runs: Seen["runs"] = [];
  const failures: Seen["failures"] = [];
  const runner = startJobs(deps, own, {
    intervalMs,
    log: {
      ran: (run) => void runs.push(run),
      failed: (job, _error, retryMs) => void failures.push({ job, retryMs }),
    },
  });
  onTestFinished(() => runner.stop(1_000));
  return { runs, failures, runner };
}

/** A job that has `batches` things to do each time, and does them by `work`. */
function jobOf(name: string, batches: number, work: () => Promise<unknown> = async () => {}): Job {
  let left = batches;
  return {
    name,
    isDue: async () => true,
    async runBatch() {
      if (left === 0) {
        left = batches;
        return 0;
      }
      left--;
      await work();
      return 1;
    },
  };
}

/** The same database, with all that is asked of it noted down. */
function watched(): { deps: JobDeps; statements: Statement[]; transactions: () => number } {
  const { database } = coffer.deps;
  const statements: Statement[] = [];
  let transactions = 0;
  const watchedDatabase: Database = {
    ...database,
    query(statement) {
      statements.push(statement);
      return database.query(statement);
    },
    transaction(body) {
      transactions++;
      return database.transaction(body);
    },
  };
  return { deps: { ...coffer.deps, database: watchedDatabase }, statements, transactions: () => transactions };
}

describe("a job", () => {
  it("runs again and again, all of its batches each time, and says what it did", async () => {
    const { runs } = startWith(coffer.deps, [jobOf("repeated", 3)]);
    await until("it has run three times", async () => runs.length >= 3);
    expect(runs[0]).toMatchObject({ job: "repeated", items: 3, transactions: 4 });
  });

  it("is never run by two instances at the same moment, and by each of them in turn", async () => {
    let running = 0;
    let together = 0;
    const work = async () => {
      together = Math.max(together, ++running);
      await sleep(5);
      running--;
    };
    const others = [
      startWith(coffer.deps, [jobOf("shared", 2, work)]),
      startWith(coffer.deps, [jobOf("shared", 2, work)]),
    ];
    await until("both have run", async () => others.every(({ runs }) => runs.length >= 5));
    expect(together).toBe(1);
  });

  it("does not keep another job from running beside it", async () => {
    const { promise: hanging, resolve } = Promise.withResolvers<void>();
    const { runs } = startWith(coffer.deps, [jobOf("hanging", 1, () => hanging), jobOf("beside", 1)]);
    await until("the other has run", async () => runs.some(({ job }) => job === "beside"));
    expect(runs.some(({ job }) => job === "hanging")).toBe(false);
    resolve();
  });

  it("that fails is said to have failed, tried again later each time, and changes nothing", async () => {
    const broken: Job = {
      name: "broken",
      isDue: async () => true,
      async runBatch(_deps, tx) {
        await tx.query({ name: "", text: "update workspace set display_name = 'broken'", values: [] });
        throw new Error("broken");
      },
    };
    const { failures, runs } = startWith(coffer.deps, [broken, jobOf("whole", 1)]);
    await until("it was tried again", async () => failures.length >= 2, 12_000);
    expect(failures[0]?.retryMs).toBeLessThan(failures[1]?.retryMs ?? 0);
    expect(runs.filter(({ job }) => job === "whole").length).toBeGreaterThan(3);
    expect(await coffer.sql("select 1 from workspace where display_name = 'broken'")).toEqual([]);
  });

  it("whose connection is cut lets go of its lock, and runs again", async () => {
    let cuts = 0;
    const cut: Job = {
      name: "cut",
      isDue: async () => true,
      async runBatch(_deps, tx) {
        if (cuts > 0) return cuts++ > 1 ? 0 : 1;
        const [row] = await tx.query<{ pid: number }>({ name: "", text: "select pg_backend_pid() as pid", values: [] });
        cuts++;
        await coffer.sql("select pg_terminate_backend($1)", [row?.pid]);
        await tx.query({ name: "", text: "select 1", values: [] });
        return 1;
      },
    };
    const { failures, runs } = startWith(coffer.deps, [cut]);
    await until("it runs again", async () => runs.length > 0);
    expect(failures).toHaveLength(1);
  });
});

describe("stopping", () => {
  it("waits for the transaction under way and begins no other", async () => {
    let begun = 0;
    let ended = 0;
    const work = async () => {
      begun++;
      await sleep(200);
      ended++;
    };
    const { runner } = startWith(coffer.deps, [jobOf("slow", 1_000, work)]);
    await until("it has begun", async () => begun > 0);
    await runner.stop(5_000);
    expect([begun, ended]).toEqual([begun, begun]);
    await sleep(400);
    expect(ended).toBe(begun);
  });

  it("waits no longer than it may", async () => {
    const { promise: hanging, resolve } = Promise.withResolvers<void>();
    let begun = false;
    const work = async () => {
      begun = true;
      await hanging;
    };
    const { runner } = startWith(coffer.deps, [jobOf("never", 1, work)]);
    await until("it has begun", async () => begun);
    const start = performance.now();
    await runner.stop(100);
    expect(performance.now() - start).toBeLessThan(2_000);
    resolve();
  });

  it("an instance leaves what is due to the others", async () => {
    const instance = await startCoffer({ besides: coffer, env: eagerJobs });
    await instance.close();
    const { id } = await duePurge(coffer);
    await sleep(300);
    expect(await coffer.sql("select 1 from secret where secret_id = $1", [id])).toHaveLength(1);
  });
});

describe("an instance", () => {
  it("with COFFER_JOBS=off does nothing by itself; with on it says in its log what it did", async () => {
    const { id } = await duePurge(coffer);
    const off = await startCoffer({ besides: coffer, env: { ...eagerJobs, COFFER_JOBS: "off" } });
    await sleep(400);
    await off.close();
    expect(await coffer.sql("select 1 from secret where secret_id = $1", [id])).toHaveLength(1);
    const on = await startCoffer({ besides: coffer, env: eagerJobs });
    try {
      const says = () => on.logLines.map((line) => JSON.parse(line)).find(({ job }) => job === "PurgeSecrets");
      await until("it says so", async () => says() !== undefined);
      expect(says()).toMatchObject({ msg: "job", transactions: expect.any(Number), durationMs: expect.any(Number) });
      expect(await coffer.sql("select 1 from secret where secret_id = $1", [id])).toEqual([]);
    } finally {
      await on.close();
    }
  });
});

// One job asks Postgres about its own catalog, which is small.
describe.each(jobs.filter((job) => job !== analyzeTables).map((job) => [job.name, job] as const))(
  "%s with nothing to do",
  (_name, job) => {
    it("costs one statement, which an index answers", async () => {
      // Other tests of this file have left events to seal.
      await runJob(watched().deps, job, new AbortController().signal);
      const { deps, statements, transactions } = watched();
      expect((await runJob(deps, job, new AbortController().signal)).items).toBe(0);
      expect([statements.length, transactions()]).toEqual([1, 0]);
      const plan = await coffer.deps.database.transaction(async (tx) => {
        // The tables of a test are so small that reading them whole is cheaper.
        await tx.query({ name: "", text: "set local enable_seqscan = off", values: [] });
        const text = `explain (costs off) ${statements[0]?.text}`;
        return (await tx.query<Record<string, string>>({ name: "", text, values: [] })).map((row) => row["QUERY PLAN"]);
      });
      const indexes =
        /using (kms_key_by_\w+|secret_by_purge_time|secret_by_validate_after|secret_by_expire_time|secret_version_by_scheduled|idempotency_by_create|audit_event_\w*pkey)/;
      expect(plan.join("\n")).toMatch(indexes);
      expect(plan.join("\n")).not.toContain("Seq Scan");
    });
  },
);
