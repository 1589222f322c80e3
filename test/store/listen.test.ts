// Notifications: they arrive, and when the connection breaks it is made again and the gap is told.
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../../src/store/database.ts";
import { listen } from "../../src/store/listen.ts";
import { useCoffer } from "../support/coffer.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { until } from "../support/poll.ts";
import { startPostgresProxy } from "../support/postgres-proxy.ts";

let place: TestDatabase;
let database: Database;
let admin: Client;
beforeAll(async () => {
  place = await createTestDatabase();
  database = openDatabase({ connectionString: place.url, poolSize: 1 });
  admin = new Client(place.url);
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await database.close();
  await place.drop();
});

const terminateOthers = (client: Pick<Client, "query">) =>
  client.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen%'",
  );

describe("a listener", () => {
  it("hears every notification, and of the gap whenever its connection was broken", async () => {
    const heard: string[] = [];
    let gaps = 0;
    let losses = 0;
    const listener = listen(
      database,
      { "a channel": (payload) => void heard.push(payload) },
      { onListening: () => gaps++, onLost: () => losses++ },
    );
    await until("it listens", async () => gaps === 1);
    await admin.query(`select pg_notify('a channel', 'first')`);
    await until("it has heard", async () => heard.length === 1);
    for (let round = 2; round <= 3; round++) {
      await terminateOthers(admin);
      await until("it listens again", async () => gaps === round);
      await admin.query(`select pg_notify('a channel', 'again')`);
      await until("it has heard again", async () => heard.length === round);
    }
    expect(heard).toEqual(["first", "again", "again"]);
    listener.close();
    await until("its connection is gone", async () => {
      const { rows } = await admin.query(
        "select 1 from pg_stat_activity where query ilike 'listen%' and datname = current_database()",
      );
      return rows.length === 0;
    });
    expect([gaps, losses]).toEqual([3, 2]);
  });

  it("keeps trying while there is no server, without an error that anybody would have to catch", async () => {
    const absent = openDatabase({ connectionString: "postgres://nobody@127.0.0.1:1/none", poolSize: 1 });
    let gaps = 0;
    let losses = 0;
    const listener = listen(absent, { channel: () => {} }, { onListening: () => gaps++, onLost: () => losses++ });
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(gaps).toBe(0);
    expect(losses).toBeGreaterThan(1);
    listener.close();
    await absent.close();
  });

  it("tells within five seconds that the server has fallen silent on a connection that stays open", async () => {
    const proxy = await startPostgresProxy();
    const slow = openDatabase({ connectionString: proxy.through(place.url), poolSize: 1 });
    const told: string[] = [];
    const events = { onListening: () => void told.push("listening"), onLost: () => void told.push("lost") };
    const listener = listen(slow, { channel: () => {} }, events);
    await until("it listens", async () => told.length === 1);
    // It is asked more than once, and stays.
    await new Promise((resolve) => setTimeout(resolve, 4_500));
    expect(told).toEqual(["listening"]);
    proxy.freeze();
    await until("it is lost", async () => told.length > 1, 5_000);
    expect(told).toEqual(["listening", "lost"]);
    listener.close();
    await proxy.close();
    await slow.close();
  });
});

describe("a token's revocation", () => {
  const coffer = useCoffer();

  it("is in force at once, also after the connection that brings it was broken", async () => {
    for (const round of [1, 2]) {
      const { token, apiToken } = await coffer.clients().tokens.createToken({ displayName: `round ${round}`, role: 1 });
      await coffer.clients(token).secrets.listSecrets({});
      if (round === 2) {
        await terminateOthers({ query: (text: string) => coffer.sql(text) } as never);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        await coffer.clients(token).secrets.listSecrets({});
      }
      await coffer.clients().tokens.revokeToken({ id: apiToken?.id ?? "" });
      const call = () => coffer.clients(token).secrets.listSecrets({});
      await until(
        "it is refused",
        async () =>
          call().then(
            () => false,
            () => true,
          ),
        1_000,
      );
      await expect(call()).rejects.toThrow("the credential is not valid");
    }
  });
});
