// A Redis that answers and refuses: callers notice nothing, one line says what it refuses, one says that it works again.
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createRateLimit } from "../../src/redis/rate-limits.ts";
import { createWithKey } from "../faults/scenarios.ts";
import { startCoffer, type TestCoffer } from "../support/coffer.ts";
import { until } from "../support/poll.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { byId } from "../support/secrets.ts";
import { open } from "./harness.ts";

const limit = 50;
const adminPassword = "of-the-test";
let redis: TestRedis;
let admin: Redis;
let coffer: TestCoffer;
beforeAll(async () => {
  redis = await startTestRedis({ own: true });
  const first = new Redis(redis.url);
  await first.acl("SETUSER", "admin", "on", `>${adminPassword}`, "~*", "&*", "+@all");
  first.disconnect();
  admin = new Redis(redis.url.replace(/:[^:@]*@/, `admin:${adminPassword}@`));
  admin.on("error", () => {});
  coffer = await startCoffer({ redisUrl: redis.url, env: { COFFER_RATE_LIMIT_PRINCIPAL: String(limit) } });
});
afterAll(async () => {
  await coffer.close();
  admin.disconnect();
  await redis.stop();
});

const config = (name: string, value: string) => admin.config("SET", name, value);
const cutOthers = () => admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
const password = () => new URL(redis.url).password;

interface Fault {
  name: string;
  cause: RegExp;
  begin: () => Promise<unknown>;
  end: () => Promise<unknown>;
}

const faults: readonly Fault[] = [
  {
    name: "a primary that became a replica",
    cause: /^READONLY: it is a replica/,
    begin: () => admin.replicaof("127.0.0.1", 1),
    end: () => admin.replicaof("NO", "ONE"),
  },
  {
    name: "a full memory",
    cause: /^OOM: its memory is full \(maxmemory\)/,
    begin: () => config("maxmemory", "1"),
    end: () => config("maxmemory", "0"),
  },
  {
    name: "a user that may not run scripts",
    cause: /^NOPERM: its user may not run the commands/,
    begin: () => admin.acl("SETUSER", "default", "-eval", "-evalsha"),
    end: () => admin.acl("SETUSER", "default", "+@all"),
  },
  {
    name: "a user that may use other keys only",
    cause: /^NOPERM: .* or use the keys/,
    begin: () => admin.acl("SETUSER", "default", "resetkeys", "~other:*"),
    end: () => admin.acl("SETUSER", "default", "~*"),
  },
  {
    name: "another password",
    cause: /^(?:WRONGPASS: it does not accept|NOAUTH)/,
    begin: async () => {
      await admin.acl("SETUSER", "default", "resetpass", ">another");
      await cutOthers();
    },
    end: () => admin.acl("SETUSER", "default", "resetpass", `>${password()}`),
  },
  {
    name: "too few replicas",
    cause: /^NOREPLICAS: too few replicas/,
    begin: () => config("min-replicas-to-write", "1"),
    end: () => config("min-replicas-to-write", "0"),
  },
  {
    name: "too many clients",
    cause: /too many clients \(maxclients\)|^the connection is closed|^EPIPE|^ECONNRESET/,
    begin: async () => {
      await config("maxclients", "1");
      await cutOthers();
    },
    end: () => config("maxclients", "10000"),
  },
  {
    name: "a script that does not end",
    cause: /^BUSY: it is running a script/,
    begin: async () => {
      await config("busy-reply-threshold", "20");
      const other = admin.duplicate();
      other.on("error", () => {});
      void other.eval("while true do end", 0).catch(() => other.disconnect());
      await sleep(100);
    },
    end: () => admin.script("KILL"),
  },
  {
    name: "no answer at all",
    cause: /^it does not answer within 50 ms/,
    begin: () => redis.kill("SIGSTOP"),
    end: () => redis.kill("SIGCONT"),
  },
];

/** Lines about Redis since the given one. */
const linesSince = (from: number) =>
  coffer.logLines
    .slice(from)
    .map((line) => JSON.parse(line) as { level: number; msg: string; cause?: string })
    .filter(({ msg }) => msg.startsWith("redis "));

// A Redis that a busy machine makes answer late is a line of its own.
describe.each(faults)("$name", { retry: 2 }, ({ cause, begin, end }) => {
  it("fails no call, is one line with its cause, and one line when it is over, within two seconds", async () => {
    const { secrets } = coffer.clients();
    const { id } = await createWithKey(secrets, `before-${Math.random()}`);
    const from = coffer.logLines.length;
    onTestFinished(async () => void (await end().catch(() => {})));
    await begin();
    for (let i = 0; i < 3; i++) {
      await secrets.getSecretValue(byId(id));
      await createWithKey(secrets, `during-${Math.random()}`);
      await sleep(1_050);
    }
    await until("it is said", async () => linesSince(from).length > 0, 5_000);
    const said = linesSince(from);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatchObject({ level: 40, cause: expect.stringMatching(cause) });
    expect(said[0]?.msg).toMatch(/^redis (?:refuses commands|is unavailable); this instance counts limits for itself$/);
    await end();
    await until("it works again", async () => linesSince(from).length > 1, 2_000);
    expect(linesSince(from).slice(1)).toMatchObject([
      { level: 30, msg: expect.stringMatching(/^redis (?:works again|is connected)$/) },
    ]);
    // The limits are shared again: Redis has a count of them.
    await secrets.getSecretValue(byId(id));
    await until("limits are shared", async () => {
      await secrets.getSecretValue(byId(id));
      return (await admin.keys(`${coffer.config.redisPrefix}:principal:*`)).length > 0;
    });
  });
});

describe("a Redis that is emptied all the time", () => {
  it("raises no limit", async () => {
    const connection = await open(redis);
    const counted = createRateLimit("principal", limit, { redis: connection, prefix: "emptied" });
    let isDone = false;
    const emptying = (async () => {
      while (!isDone) await admin.flushall();
    })();
    const startMs = performance.now();
    let allowed = 0;
    while (performance.now() - startMs < 1_500) {
      if ((await counted.take("subject", 1)).allowed) allowed++;
      await sleep(2);
    }
    isDone = true;
    await emptying;
    // 1.5 seconds are parts of three windows at most.
    expect(allowed).toBeLessThanOrEqual(3 * limit);
    expect(allowed).toBeGreaterThanOrEqual(limit);
  });
});

describe("a Redis that stays a replica", () => {
  it("is connected to again about once a second, not whenever it refuses", async () => {
    const connection = await open(redis);
    const connections = async () => Number(/total_connections_received:(\d+)/.exec(await admin.info("stats"))?.[1]);
    onTestFinished(async () => void (await admin.replicaof("NO", "ONE")));
    await admin.replicaof("127.0.0.1", 1);
    await connection.run(
      (client) => client.set("key", "value"),
      () => "",
    );
    expect(connection.states.at(-1)?.is).toBe("refusing");
    const before = await connections();
    await sleep(3_000);
    // This connection, and the one of the coffer above.
    expect((await connections()) - before).toBeLessThanOrEqual(8);
    await admin.replicaof("NO", "ONE");
    await until("it works again", () => Promise.resolve(connection.states.at(-1)?.is === "up"), 2_000);
  });
});
