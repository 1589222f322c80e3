// Transactions: all or nothing, connections that break or are held too long, and a pool that never leaks.
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, openDatabase, type Sql, type Tx } from "../../src/store/database.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { inParallel } from "../support/parallel.ts";
import { startPostgresProxy } from "../support/postgres-proxy.ts";

let place: TestDatabase;
let database: Database;
beforeAll(async () => {
  place = await createTestDatabase();
  database = openDatabase({ connectionString: place.url, poolSize: 2 });
  await run(database, "create table note (text text primary key)");
});
afterAll(async () => {
  await database.close();
  await place.drop();
});

const run = (sql: Sql, text: string, values: unknown[] = []) => sql.query<{ text: string }>({ name: "", text, values });
const insert = (tx: Tx, text: string) => run(tx, "insert into note values ($1)", [text]);
const notes = async (text: string) => (await run(database, "select text from note where text = $1", [text])).length;
const unavailable = { reason: "DEPENDENCY_UNAVAILABLE" };

/** Another session, in a transaction in which it has run this. */
async function begunElsewhere(text: string): Promise<Client> {
  const client = new Client(place.url);
  await client.connect();
  await client.query("begin");
  await client.query(text);
  return client;
}

/** The connection that a transaction is on, ended by an administrator. */
async function terminate(tx: Tx): Promise<void> {
  const [row] = await tx.query<{ pid: number }>({ name: "", text: "select pg_backend_pid() as pid", values: [] });
  const client = new Client(place.url);
  await client.connect();
  await client.query("select pg_terminate_backend($1)", [row?.pid]);
  await client.end();
  await sleep(20);
}

describe("a transaction", () => {
  it("writes all of it when its body succeeds, and nothing when its body throws", async () => {
    await database.transaction((tx) => insert(tx, "kept"));
    const thrown = new Error("no");
    const failing = database.transaction(async (tx) => {
      await insert(tx, "dropped");
      throw thrown;
    });
    await expect(failing).rejects.toBe(thrown);
    expect([await notes("kept"), await notes("dropped")]).toEqual([1, 0]);
  });

  it("is no success when its body passed over a statement that failed", async () => {
    const passing = database.transaction(async (tx) => {
      await insert(tx, "half");
      await insert(tx, "half").catch(() => {});
    });
    await expect(passing).rejects.toThrow("the error of a failed statement was ignored");
    expect(await notes("half")).toBe(0);
  });

  it("gives its connection back after every error: twenty failures do not use up a pool of two", async () => {
    const results = await inParallel(20, 20, (index) =>
      database.transaction(async (tx) => {
        if (index % 3 === 0) await run(tx, "select 1 / 0");
        if (index % 3 === 1) await terminate(tx);
        throw new Error("no");
      }),
    );
    expect(results.filter(({ status }) => status === "rejected")).toHaveLength(20);
    await database.transaction((tx) => insert(tx, "after failures"));
    expect(await notes("after failures")).toBe(1);
  });

  it("whose connection ends between two statements is DEPENDENCY_UNAVAILABLE, and writes nothing", async () => {
    const broken = database.transaction(async (tx) => {
      await insert(tx, "broken");
      await terminate(tx);
      await insert(tx, "broken too");
    });
    await expect(broken).rejects.toMatchObject(unavailable);
    expect(await notes("broken")).toBe(0);
  });

  it("whose connection ends before the COMMIT is sent is tried twice more, and then DEPENDENCY_UNAVAILABLE", async () => {
    let runs = 0;
    const broken = database.transaction(async (tx) => {
      runs++;
      await insert(tx, "never");
      await terminate(tx);
    });
    await expect(broken).rejects.toMatchObject(unavailable);
    expect([runs, await notes("never")]).toEqual([3, 0]);
  });
});

describe("what did nothing is run again, and never has a second effect", () => {
  const raise = (sql: Sql, sqlState: string) =>
    run(sql, `do $$ begin raise exception 'no' using errcode = '${sqlState}'; end $$`);

  it.each(["40001", "40P01", "25006"])("after %s, twice", async (sqlState) => {
    let runs = 0;
    await database.transaction(async (tx) => {
      await insert(tx, `once ${sqlState}`);
      if (++runs < 3) await raise(tx, sqlState);
    });
    expect([runs, await notes(`once ${sqlState}`)]).toEqual([3, 1]);
    const refused = database.transaction((tx) => raise(tx, sqlState));
    await expect(refused).rejects.toMatchObject({ retryDelayMs: 1_000 });
  });

  it("two transactions that lock the same rows in another order both succeed", async () => {
    const own = openDatabase({ connectionString: place.url, poolSize: 5 });
    await own.transaction(async (tx) => {
      await insert(tx, "left");
      await insert(tx, "right");
    });
    const lockBoth = (first: string, second: string) =>
      own.transaction(async (tx) => {
        await run(tx, "update note set text = text where text = $1", [first]);
        await sleep(100);
        await run(tx, "update note set text = text where text = $1", [second]);
      });
    const both = Promise.all([lockBoth("left", "right"), lockBoth("right", "left")]);
    await expect(both).resolves.toHaveLength(2);
    await own.close();
  });

  it("after its connection was lost before the COMMIT", async () => {
    let runs = 0;
    await database.transaction(async (tx) => {
      await insert(tx, "survives");
      if (++runs === 1) await terminate(tx);
    });
    expect([runs, await notes("survives")]).toEqual([2, 1]);
  });

  it("changes and reads after all idle connections were lost succeed at once", async () => {
    await inParallel(4, 4, () => run(database, "select pg_sleep(0.05)"));
    const client = new Client(place.url);
    await client.connect();
    await client.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'coffer' and datname = current_database()",
    );
    await client.end();
    await sleep(50);
    await database.change([{ progress: undefined }], () => ({
      ...{ name: "", text: "insert into note values ('at once')", values: [] },
    }));
    expect(await notes("at once")).toBe(1);
  });

  it("a job is not run again inside: it comes back by itself", async () => {
    let runs = 0;
    const job = database.transaction(
      async (tx) => {
        runs++;
        await raise(tx, "40001");
      },
      { share: "job" },
    );
    await expect(job).rejects.toMatchObject({ reason: "CONCURRENT_CHANGE" });
    expect(runs).toBe(1);
  });
});

describe("waiting ends", () => {
  it("after five seconds for a row that another holds, with CONCURRENT_CHANGE", async () => {
    const own = openDatabase({ connectionString: place.url, poolSize: 2 });
    await own.transaction((tx) => insert(tx, "held"));
    const holder = await begunElsewhere("select text from note where text = 'held' for update");
    const other = own.transaction((tx) => run(tx, "delete from note where text = 'held'"));
    await expect(other).rejects.toMatchObject({ reason: "CONCURRENT_CHANGE" });
    await holder.end();
    await own.close();
  });

  it("after five seconds for a connection of a pool that is used up, with DEPENDENCY_UNAVAILABLE", async () => {
    const own = openDatabase({ connectionString: place.url, poolSize: 1 });
    const holder = await begunElsewhere("lock table note in access exclusive mode");
    const holding = own.transaction((tx) => run(tx, "select text from note"));
    await expect(run(own, "select 'x' as text")).rejects.toMatchObject(unavailable);
    await expect(holding).rejects.toMatchObject({ reason: "CONCURRENT_CHANGE" });
    await holder.end();
    expect(await run(own, "select 'x' as text")).toEqual([{ text: "x" }]);
    await own.close();
  });

  it.concurrent("after five seconds for a server that accepts a connection and says nothing", async () => {
    const proxy = await startPostgresProxy();
    const own = openDatabase({ connectionString: proxy.through(place.url), poolSize: 1 });
    proxy.freeze();
    await expect(run(own, "select 'x' as text")).rejects.toMatchObject(unavailable);
    await own.close();
    await proxy.close();
  });
});
