// Hints: what Redis remembers of a call tells nothing of it, ends by itself, and is never needed.
import { describe, expect, it } from "vitest";
import { Sensitive } from "../../src/domain/sensitive.ts";
import { createRedisHints } from "../../src/redis/idempotency-hints.ts";
import { until } from "../support/poll.ts";
import { open, useRedis } from "./harness.ts";

const redis = useRedis();
const nameKey = new Sensitive(new Uint8Array(32).fill(7));
const scope = { workspaceId: "ws_1", principalId: "prn_1", method: "CreateSecret", key: "client-key" };

async function start(prefix: string) {
  const connection = await open(redis);
  return { hints: createRedisHints(connection, prefix, nameKey), client: connection.client };
}

describe("a hint", () => {
  it("is of one scope alone, under a name and a value that tell nothing of it, and ends within a day", async () => {
    const { hints, client } = await start("a");
    expect(await hints.has(scope)).toBe(false);
    hints.add(scope);
    await until("it is there", () => hints.has(scope));
    for (const field of Object.keys(scope)) expect(await hints.has({ ...scope, [field]: "other" })).toBe(false);
    const [name = "", ...others] = await client.keys("a:*");
    expect(others).toEqual([]);
    expect(name).toMatch(/^a:idem:[\w-]{43}$/);
    expect(await client.get(name)).toBe("1");
    const ttl = await client.ttl(name);
    expect(ttl).toBeGreaterThan(86_000);
    expect(ttl).toBeLessThanOrEqual(86_400);
  });

  it("of another type than it was written is a hint all the same: Postgres says what is so", async () => {
    const { hints, client } = await start("b");
    hints.add(scope);
    await until("it is there", () => hints.has(scope));
    const [name = ""] = await client.keys("b:*");
    await client.del(name);
    await client.lpush(name, "garbage");
    expect(await hints.has(scope)).toBe(true);
    hints.add(scope);
    await until("it is written over", async () => (await client.type(name)) === "string");
  });

  it("is not there, and adding it is no error, while Redis is gone", async () => {
    const { hints } = await start("c");
    await redis.kill("SIGKILL");
    hints.add(scope);
    expect(await hints.has(scope)).toBe(false);
    await redis.restart();
  });
});
