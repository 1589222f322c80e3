// Limits of several proxies: kept by all of them together where there is Redis, and by each for itself while there is none.
import { once } from "node:events";
import { request as openRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import type { EgressLimits } from "../../src/domain/egress/egress-rule.ts";
import { useRedis } from "../redis/harness.ts";
import { useCoffer } from "../support/coffer.ts";
import {
  bearerFor,
  bindSecret,
  eventsOf,
  makeSandbox,
  openTunnel,
  type TestEgress,
  useEgress,
} from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { until } from "../support/poll.ts";
import { writeEvery } from "../support/write-every.ts";

const host = "api.upstream.test";
const value = "a-shared-value";
const redis = useRedis();
const coffer = useCoffer();
/** The answers of the host: as many bytes as the path says, or a slow trickle. */
const options: Parameters<typeof useEgress>[1] = {
  hosts: [host],
  redisUrl: () => redis.url,
  answer: (request, response) => {
    if (request.url !== "/drops") {
      response.end("y".repeat(Number(request.url?.slice(1))));
      return;
    }
    writeEvery(response, 20, "y");
  },
};
const one = useEgress(coffer, options);
const other = useEgress(coffer, options);

/** A sandbox with a secret under these limits, and its requests through a proxy. */
async function begin(limits: Partial<EgressLimits>) {
  const rule = { ...bearerFor(host), limits: { methods: [], pathPrefixes: [], ...limits } };
  const sandbox = await makeSandbox(coffer);
  const { placeholder, secretId } = await bindSecret(coffer, sandbox, value, rule);
  const headersAt = (proxy: TestEgress) => ({
    host: `${host}:${proxy.upstreamPort}`,
    authorization: `Bearer ${placeholder}`,
  });
  const open = async (proxy: TestEgress) => {
    const tunnel = await openTunnel(proxy, sandbox, host);
    onTestFinished(() => void tunnel.destroy());
    return tunnel;
  };
  return {
    sandbox,
    secretId,
    /** The status, or why not. */
    async ask(proxy: TestEgress, path = "/0") {
      const { status, reason, headers } = await requestIn(await open(proxy), {
        host: `${host}:${proxy.upstreamPort}`,
        path,
        headers: headersAt(proxy),
      });
      return { said: status === 200 ? status : reason, retryAfter: Number(headers["retry-after"]) };
    },
    /** An answer without an end, that has begun. */
    async stream(proxy: TestEgress) {
      const tunnel = await open(proxy);
      const request = openRequest({ createConnection: () => tunnel, path: "/drops", headers: headersAt(proxy) });
      request.end();
      const [response] = await once(request, "response");
      response.resume();
      return { broken: once(response, "error").then(([error]) => error as NodeJS.ErrnoException) };
    },
  };
}

const isConnected = async (proxy: TestEgress) =>
  proxy.logLines
    .filter((line) => line.includes("redis is"))
    .at(-1)
    ?.includes("redis is connected") ?? false;

// On a busy machine Redis may be too slow for a proxy to wait for it: then it counts for itself, as it should.
describe("with Redis", { retry: 3 }, () => {
  test("proxies allow together what one may, also one that has not heard of the sandbox before", async () => {
    for (const proxy of [one, other]) await until("redis is connected", () => isConnected(proxy));
    const { ask, sandbox } = await begin({ requestsPerMinute: 3 });
    const first = [await ask(one), await ask(one), await ask(other)].map(({ said }) => said);
    expect(first).toEqual([200, 200, 200]);
    for (const proxy of [other, one, other]) {
      const { said, retryAfter } = await ask(proxy);
      expect(said).toBe("rate_limited");
      expect(retryAfter).toBeGreaterThan(30);
      expect(retryAfter).toBeLessThanOrEqual(60);
    }
    expect((await eventsOf(coffer, sandbox)).map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
    const another = await begin({ requestsPerMinute: 1 });
    expect((await another.ask(other)).said).toBe(200);
  });

  test("requests at the same moment are counted one by one", async () => {
    const { ask } = await begin({ requestsPerMinute: 6 });
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => ask(i % 2 === 0 ? one : other)));
    expect(answers.filter(({ said }) => said === 200)).toHaveLength(6);
    expect(answers.filter(({ said }) => said === "rate_limited")).toHaveLength(6);
  });

  test("bytes that went through one are missing at the other, and what is under way there breaks off", async () => {
    const { ask, stream, sandbox } = await begin({ bytesPerHour: 100_000 });
    const { broken } = await stream(other);
    expect((await ask(one, "/99990")).said).toBe(200);
    expect(await broken).toMatchObject({ code: "ECONNRESET" });
    const { said, retryAfter } = await ask(other);
    expect(said).toBe("byte_cap_reached");
    expect(retryAfter).toBeGreaterThan(3_500);
    expect(retryAfter).toBeLessThanOrEqual(3_600);
    await until("the event says why", async () =>
      (await eventsOf(coffer, sandbox)).some(
        (event) => event["path"] === "/drops" && event["error_code"] === "byte_cap_reached",
      ),
    );
  });

  test("what Redis holds ends by itself, and is no value", async () => {
    const { ask, sandbox, secretId } = await begin({ requestsPerMinute: 5, bytesPerHour: 1_000_000 });
    await ask(one, "/77");
    const client = new Redis(redis.url);
    onTestFinished(() => client.disconnect());
    const key = `${sandbox.id} ${secretId}`;
    const { redisPrefix } = coffer.config;
    const [requests, bytes] = [`${redisPrefix}:egress-requests:${key}`, `${redisPrefix}:egress-bytes:${key}`];
    await until("the bytes are told", async () => (await client.get(bytes)) === "77");
    expect(await client.get(requests)).toBe("1");
    expect(await client.ttl(requests)).toBeGreaterThan(50);
    expect(await client.ttl(requests)).toBeLessThanOrEqual(60);
    expect(await client.ttl(bytes)).toBeGreaterThan(3_590);
    expect(await client.ttl(bytes)).toBeLessThanOrEqual(3_600);
    // A reported value is not reported again.
    await ask(one);
    await sleep(250);
    expect(await client.get(bytes)).toBe("77");
    expect((await client.keys(`*${sandbox.id}*`)).sort()).toEqual([bytes, requests].sort());
    const unlimited = await begin({});
    await unlimited.ask(one);
    const ofBytes = await begin({ bytesPerHour: 1_000_000 });
    await ofBytes.ask(one);
    expect(await client.keys(`*${unlimited.sandbox.id}*`)).toEqual([]);
    expect(await client.keys(`*${ofBytes.sandbox.id}*`)).toEqual([expect.stringContaining("egress-bytes")]);
  });
});

test("while Redis is away, or hangs, each counts on for itself, and afterwards they count together again", async () => {
  const { ask } = await begin({ requestsPerMinute: 3 });
  expect([(await ask(one)).said, (await ask(one)).said]).toEqual([200, 200]);
  const large = await begin({ bytesPerHour: 100_000 });
  await redis.kill("SIGSTOP");
  expect([(await ask(one)).said, (await ask(one)).said]).toEqual([200, "rate_limited"]);
  await redis.kill("SIGCONT");
  await redis.kill("SIGKILL");
  const alone = [await ask(other), await ask(other), await ask(other), await ask(other)].map(({ said }) => said);
  expect(alone).toEqual([200, 200, 200, "rate_limited"]);
  expect((await large.ask(one, "/100000")).said).toBe(200);
  await redis.restart();
  for (const proxy of [one, other]) await until("redis is connected again", () => isConnected(proxy));
  await until("the other is told", async () => (await large.ask(other)).said === "byte_cap_reached");
  await until("they count together", async () => {
    const again = await begin({ requestsPerMinute: 1 });
    return (await again.ask(one)).said === 200 && (await again.ask(other)).said === "rate_limited";
  });
});
