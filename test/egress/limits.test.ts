// Limits of a rule: each says its own code, is an event of the secret, and is about one sandbox only.
import { once } from "node:events";
import { request as openRequest } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import type { EgressLimits } from "../../src/domain/egress/egress-rule.ts";
import { useCoffer } from "../support/coffer.ts";
import {
  bearerFor,
  bindAgain,
  bindSecret,
  eventsOf,
  makeSandbox,
  openTunnel,
  type TestSandbox,
  useEgress,
} from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { until } from "../support/poll.ts";

const host = "api.upstream.test";
const coffer = useCoffer();
const seen: string[] = [];
const egress = useEgress(coffer, {
  hosts: [host],
  answer: (request, response) => {
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.byteLength;
    });
    request.on("end", () => {
      seen.push(`${request.url} ${bytes}`);
      response.end("y".repeat(Number(request.url?.slice(1))));
    });
  },
});
const authority = () => `${host}:${egress.upstreamPort}`;

/** Two sandboxes that hold the same secret. */
async function beginTwo(limits: Partial<EgressLimits>) {
  const rule = { ...bearerFor(host), limits: { methods: [], pathPrefixes: [], ...limits } };
  const one = await makeSandbox(coffer);
  const two = await makeSandbox(coffer);
  const bound = await bindSecret(coffer, one, "a-shared-value", rule);
  const again = await bindAgain(coffer, two, bound.secretId);
  return { secretId: bound.secretId, one: asker(one, bound.placeholder), two: asker(two, again.placeholder) };
}

function asker(sandbox: TestSandbox, placeholder: string) {
  const headers = { authorization: `Bearer ${placeholder}` };
  return {
    sandbox,
    headers,
    /** In a tunnel of its own. */
    async ask(path = "/1", body?: string) {
      const tunnel = await openTunnel(egress, sandbox, host);
      onTestFinished(() => void tunnel.destroy());
      const method = body === undefined ? "GET" : "POST";
      return requestIn(tunnel, { host: authority(), headers, path, method, ...(body === undefined ? {} : { body }) });
    },
  };
}

describe("requests a minute", () => {
  test("that are one too many are refused, for this sandbox and in all of its tunnels", async () => {
    const { secretId, one, two } = await beginTwo({ requestsPerMinute: 3 });
    for (let i = 0; i < 3; i++) expect((await one.ask()).status).toBe(200);
    const requests = seen.length;
    for (let i = 0; i < 2; i++) {
      const { status, reason, headers } = await one.ask();
      expect({ status, reason }).toEqual({ status: 429, reason: "rate_limited" });
      expect(Number(headers["retry-after"])).toBeGreaterThan(50);
      expect(Number(headers["retry-after"])).toBeLessThanOrEqual(60);
    }
    expect(seen).toHaveLength(requests);
    expect((await two.ask()).status).toBe(200);
    const refused = { secret_id: secretId, status: 429, upstream_status: null, error_code: "rate_limited" };
    const ok = { secret_id: secretId, status: 200, error_code: "" };
    expect(await eventsOf(coffer, one.sandbox)).toMatchObject([ok, ok, ok, refused]);
    expect(await eventsOf(coffer, two.sandbox)).toMatchObject([ok]);
  });
});

describe("bytes an hour", () => {
  test("that the sandbox sends too many of are no request, and the next one is none either", async () => {
    const { secretId, one, two } = await beginTwo({ bytesPerHour: 1_000 });
    const requests = seen.length;
    expect(await one.ask("/1", "x".repeat(1_001))).toMatchObject({ status: 429, reason: "byte_cap_reached" });
    expect(await one.ask()).toMatchObject({ status: 429, reason: "byte_cap_reached" });
    expect(seen).toHaveLength(requests);
    const refused = { secret_id: secretId, status: 429, upstream_status: null, error_code: "byte_cap_reached" };
    expect(await eventsOf(coffer, one.sandbox)).toMatchObject([refused, refused]);
    expect((await two.ask("/400", "x".repeat(500))).status).toBe(200);
    expect(await eventsOf(coffer, two.sandbox)).toMatchObject([{ status: 200, error_code: "" }]);
  });

  test("up to the last one are let through, both ways together", async () => {
    const { one } = await beginTwo({ bytesPerHour: 1_000 });
    expect((await one.ask("/500", "x".repeat(500))).body).toHaveLength(500);
    expect(await one.ask()).toMatchObject({ status: 429, reason: "byte_cap_reached" });
  });

  test("that the host sends too many of break its answer off, and the event says why", async () => {
    const { secretId, one, two } = await beginTwo({ bytesPerHour: 100_000 });
    const tunnel = await openTunnel(egress, one.sandbox, host);
    const request = openRequest({
      ...{ createConnection: () => tunnel, path: "/3000000" },
      headers: { host: authority(), ...one.headers },
    });
    request.end();
    const [response] = await once(request, "response");
    expect(response.statusCode).toBe(200);
    let received = 0;
    response.on("data", (chunk: Buffer) => {
      received += chunk.byteLength;
    });
    expect((await once(response, "error"))[0]).toMatchObject({ code: "ECONNRESET" });
    expect(received).toBeLessThanOrEqual(100_000);
    await until("the event says why", async () => {
      const [event] = await eventsOf(coffer, one.sandbox);
      return event?.["error_code"] === "byte_cap_reached";
    });
    expect(await eventsOf(coffer, one.sandbox)).toMatchObject([
      { secret_id: secretId, status: 200, upstream_status: 200 },
    ]);
    expect((await two.ask("/1000")).status).toBe(200);
  });
});
