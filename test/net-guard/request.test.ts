// Requests through the guard, against real servers on loopback: bounded, never redirected, dialled where the guard looked.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { BlockList } from "node:net";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Resolve } from "../../src/net-guard/guard.ts";
import { requestOutside } from "../../src/net-guard/request.ts";
import { type Services, startServices } from "../support/services.ts";

let services: Services;
beforeAll(async () => {
  services = await startServices();
});
afterAll(() => services.close());

const allowed = new BlockList();
allowed.addAddress("127.0.0.1");
const toLoopback: Resolve = async () => ["127.0.0.1"];
const limits = (timeoutMs = 2_000) => ({
  signal: AbortSignal.timeout(timeoutMs),
  attemptMs: 500,
  answerBytesMax: 65_536,
});

function get(token: string, options: { host?: string; resolve?: Resolve; list?: BlockList; timeoutMs?: number } = {}) {
  const url = new URL(`${services.origin}/hcloud/v1/locations?per_page=1`);
  if (options.host !== undefined) url.hostname = options.host;
  const guard = { resolve: options.resolve ?? toLoopback, allowed: options.list ?? allowed };
  const request = { method: "GET", url, headers: { authorization: `Bearer ${token}` } } as const;
  return requestOutside(guard, request, limits(options.timeoutMs));
}

describe("an answer", () => {
  it("comes with its status and text, whatever the status", async () => {
    expect(await get("good")).toMatchObject({ status: 200, body: '{"locations":[]}' });
    expect(await get("bad")).toMatchObject({ status: 401 });
    expect(await get("500")).toMatchObject({ status: 500 });
  });

  it("that redirects is an answer: nothing is followed", async () => {
    const before = services.calls.length;
    expect(await get("redirect")).toMatchObject({ status: 302 });
    expect(services.calls.length).toBe(before + 1);
  });

  it("is asked for at the checked address, with the host's name in the request", async () => {
    await get("good-named", { host: "api.example.test" });
    const [call] = services.callsWith("good-named");
    expect(call?.headers.host).toBe(`api.example.test:${new URL(services.origin).port}`);
  });

  it("is asked for once: a second look-up cannot lead elsewhere", async () => {
    let lookUps = 0;
    const rebinding: Resolve = async () => (++lookUps === 1 ? ["127.0.0.1"] : ["10.0.0.1"]);
    expect(await get("good", { host: "rebinding.test", resolve: rebinding })).toMatchObject({ status: 200 });
    expect(lookUps).toBe(1);
  });
});

describe("no answer", () => {
  it("from an address that is not public, unless it is allowed, and nothing is sent there", async () => {
    const refused = get("canary-1", { list: new BlockList() });
    await expect(refused).rejects.toMatchObject({ failure: "ADDRESS_REFUSED" });
    const mixed: Resolve = async () => ["93.184.215.14", "127.0.0.2"];
    await expect(get("canary-2", { host: "mixed.test", resolve: mixed })).rejects.toMatchObject({
      failure: "ADDRESS_REFUSED",
    });
    expect(services.callsWith("canary-")).toEqual([]);
  });

  it.each(["hang", "trickle"])("in time: %s", async (token) => {
    const begin = performance.now();
    await expect(get(token, { timeoutMs: 600 })).rejects.toMatchObject({ failure: "TIMED_OUT" });
    expect(performance.now() - begin).toBeLessThan(1_500);
  });

  it("while the name is being resolved", async () => {
    const never: Resolve = () => new Promise(() => {});
    const late = get("good", { host: "slow.test", resolve: never, timeoutMs: 300 });
    await expect(late).rejects.toMatchObject({ failure: "TIMED_OUT" });
  });

  it("that is too large, and none that ends in its middle", async () => {
    await expect(get("huge")).rejects.toMatchObject({ failure: "ANSWER_TOO_LARGE" });
    await expect(get("cut")).rejects.toMatchObject({ failure: "UNREACHABLE" });
  });

  it("from a port that nobody listens on", async () => {
    const url = new URL("http://127.0.0.1:1/");
    const asked = requestOutside({ resolve: toLoopback, allowed }, { method: "GET", url, headers: {} }, limits());
    await expect(asked).rejects.toMatchObject({ failure: "UNREACHABLE" });
  });

  it("when the caller ends it", async () => {
    const stop = new AbortController();
    const url = new URL(`${services.origin}/hcloud/v1/locations`);
    const request = { method: "GET", url, headers: { authorization: "Bearer hang" } } as const;
    const asked = requestOutside({ resolve: toLoopback, allowed }, request, { ...limits(), signal: stop.signal });
    setTimeout(() => stop.abort(), 100);
    await expect(asked).rejects.toMatchObject({ failure: "ABORTED" });
  });

  it("has the request in its error", async () => {
    const error = await get("canary-hang", { timeoutMs: 200 }).catch((thrown: unknown) => thrown);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("canary");
  });
});

describe("under TLS", () => {
  const fixture = (name: string) => readFileSync(join(import.meta.dirname, "..", "http", "fixtures", name), "utf8");
  const cert = fixture("localhost.cert.pem");
  let requests: unknown[] = [];
  const server = createServer({ cert, key: fixture("localhost.key.pem") }, (request, response) => {
    requests.push((request.socket as TLSSocket).servername);
    response.end("secure");
  });
  const trusted = getCACertificates("default");
  beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterAll(() => {
    setDefaultCACertificates(trusted);
    server.close();
  });

  const ask = (host: string) => {
    const url = new URL(`https://${host}:${(server.address() as AddressInfo).port}/`);
    const guard = { resolve: toLoopback, allowed };
    requests = [];
    return requestOutside(guard, { method: "GET", url, headers: { authorization: "Bearer canary" } }, limits());
  };

  it("a certificate that nobody vouches for is no answer, and nothing is sent", async () => {
    await expect(ask("localhost")).rejects.toMatchObject({ failure: "UNREACHABLE" });
    expect(requests).toEqual([]);
  });

  it("the host is the server's name, and a certificate for another one is no answer", async () => {
    setDefaultCACertificates([...trusted, cert]);
    expect(await ask("localhost")).toMatchObject({ status: 200, body: "secure" });
    expect(requests).toEqual(["localhost"]);
    await expect(ask("api.example.test")).rejects.toMatchObject({ failure: "UNREACHABLE" });
    expect(requests).toEqual([]);
  });
});
