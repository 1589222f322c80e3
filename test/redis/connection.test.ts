// The way to Redis: what cannot be answered at once is answered without it, and it costs next to nothing.
import { afterEach, describe, expect, it } from "vitest";
import { until } from "../support/poll.ts";
import { type OpenConnection, open, ping, useRedis } from "./harness.ts";

const redis = useRedis();
afterEach(async () => {
  await redis.kill("SIGCONT");
  if (redis.pid === undefined) await redis.restart();
});

const ask = (connection: OpenConnection) => connection.run<string>(ping, () => "without");

/** So many commands, one after the other. */
async function askInTurn(connection: OpenConnection, count: number): Promise<{ answers: Set<string>; tookMs: number }> {
  const start = performance.now();
  const answers = new Set<string>();
  for (let index = 0; index < count; index++) answers.add(await ask(connection));
  return { answers, tookMs: performance.now() - start };
}

const recovers = (connection: OpenConnection) =>
  until("redis answers again", async () => (await ask(connection)) === "PONG", 5_000);

describe("a Redis that is stopped", () => {
  it("costs one command its time-out and the next ones nothing: 1,000 in turn take nowhere near 50 ms each", async () => {
    const connection = await open(redis);
    expect(await ask(connection)).toBe("PONG");
    await redis.kill("SIGSTOP");
    const { answers, tookMs } = await askInTurn(connection, 1_000);
    expect([...answers]).toEqual(["without"]);
    expect(tookMs).toBeLessThan(2_000);
    await redis.kill("SIGCONT");
    await recovers(connection);
  });

  it("leaves no queue behind: what it did not answer in time is not kept, nor sent again", async () => {
    const connection = await open(redis);
    await redis.kill("SIGSTOP");
    const increment = () =>
      connection.run(
        async (client) => client.incr("counter"),
        () => undefined,
      );
    const bursts = await Promise.all(Array.from({ length: 500 }, increment));
    expect(bursts.every((answer) => answer === undefined)).toBe(true);
    await askInTurn(connection, 2_000);
    await redis.kill("SIGCONT");
    await recovers(connection);
    const counted = Number(await connection.client.get("counter"));
    // Sent once before it was known to hang, and never again.
    expect(counted).toBeLessThanOrEqual(500);
    expect(connection.client).toMatchObject({ commandQueue: { length: 0 }, offlineQueue: { length: 0 } });
  });
});

describe("a Redis that is killed", () => {
  it("is done without at once, and found again when it is back", async () => {
    const connection = await open(redis);
    await redis.kill("SIGKILL");
    await until("it is noticed", async () => connection.states.at(-1)?.is === "down");
    const { answers, tookMs } = await askInTurn(connection, 1_000);
    expect([...answers]).toEqual(["without"]);
    expect(tookMs).toBeLessThan(500);
    await redis.restart();
    await recovers(connection);
    expect(connection.states.map((state) => state.is)).toEqual(["up", "down", "up"]);
  });

  it("with commands under way fails none of them", async () => {
    const connection = await open(redis);
    const asked = Promise.all(Array.from({ length: 200 }, () => ask(connection)));
    const [answers] = await Promise.all([asked, redis.kill("SIGKILL")]);
    expect(answers.filter((answer) => answer !== "PONG" && answer !== "without")).toEqual([]);
  });
});

describe("a Redis that was never there", () => {
  it("is no error: everything is answered without it, and one line is said", async () => {
    const connection = await open({ url: "redis://127.0.0.1:1" }, false);
    expect(await ask(connection)).toBe("without");
    await until("it is noticed", async () => connection.states.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(connection.states).toEqual([{ is: "down", cause: "ECONNREFUSED" }]);
    expect(await ask(connection)).toBe("without");
  });

  it("or that refuses the password", async () => {
    const connection = await open({ url: redis.url.replace(/:[0-9a-f]+@/, ":wrong@") }, false);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await ask(connection)).toBe("without");
  });
});
