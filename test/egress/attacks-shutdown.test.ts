// The end of the proxy, with answers and hosts still open: it comes in time, and loses no event.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import pino from "pino";
import { expect, test, vi } from "vitest";
import { createEgressApp } from "../../src/compose/egress-app.ts";
import { loadConfig } from "../../src/config/config.ts";
import { useCoffer } from "../support/coffer.ts";
import { bearerFor, bindSecret, eventsOf, makeSandbox, openTunnel, useEgress } from "../support/egress.ts";
import { writeEvery } from "../support/write-every.ts";

const host = "api.upstream.test";
const coffer = useCoffer();
const egress = useEgress(coffer, {
  hosts: [host],
  answer: (request, response) => {
    request.resume();
    if (request.url === "/endless") {
      response.write("x".repeat(5_000));
      writeEvery(response, 20, "x");
    }
  },
});

test("what is open when the grace is over is closed, and its events and bytes are written before that is said", async () => {
  const sandbox = await makeSandbox(coffer);
  const { placeholder } = await bindSecret(coffer, sandbox, "an-upstream-credential", bearerFor(host));
  const config = { ...coffer.config, egress: loadConfig(egress.env).egress, shutdownGraceMs: 200 };
  const app = await createEgressApp(config, pino({ level: "silent" }), coffer.deps);
  const { url } = await app.listen();
  const besides = { ...egress, url, port: Number(new URL(url).port) };
  const head = (path: string) =>
    `GET ${path} HTTP/1.1\r\nHost: ${host}:${egress.upstreamPort}\r\nAuthorization: Bearer ${placeholder}\r\n\r\n`;
  const tunnels = await Promise.all(
    ["/endless", "/silent", "/endless"].map(async (path) => {
      const tunnel = await openTunnel(besides, sandbox, host);
      tunnel.on("error", () => {});
      tunnel.resume();
      tunnel.write(head(path));
      return tunnel;
    }),
  );
  const idle = await openTunnel(besides, sandbox, host);
  await sleep(500);
  const startMs = performance.now();
  const closed = [...tunnels, idle].map((tunnel) => once(tunnel, "close"));
  await app.close();
  expect(performance.now() - startMs).toBeLessThan(1_500);
  const events = await eventsOf(coffer, sandbox);
  await Promise.all(closed);
  const answered = events.filter(({ path }) => path === "/endless");
  expect(answered).toHaveLength(2);
  for (const event of answered) expect(Number(event["response_bytes"])).toBeGreaterThan(5_000);
  expect(events.filter(({ path }) => path === "/silent")).toMatchObject([{ status: 499 }]);
});

test("whether it is ready is found out once a second, however many ask without a token", async () => {
  const look = vi.spyOn(coffer.deps.database, "isWritable");
  const asked = Array.from({ length: 200 }, async () => (await fetch(`${egress.url}/readyz`)).status);
  expect(new Set(await Promise.all(asked))).toEqual(new Set([200]));
  expect(look.mock.calls.length).toBeLessThan(5);
  look.mockRestore();
});

test("before it closes it says so: readiness is 503, answers end their connections, and all are served", async () => {
  const sandbox = await makeSandbox(coffer);
  await bindSecret(coffer, sandbox, "an-upstream-credential", bearerFor(host));
  const config = { ...coffer.config, egress: loadConfig(egress.env).egress, shutdownGraceMs: 200 };
  const app = await createEgressApp(config, pino({ level: "silent" }), coffer.deps);
  const { url } = await app.listen();
  const get = async (path: string) => fetch(url + path, { headers: { authorization: `Bearer ${sandbox.token}` } });
  expect((await get("/readyz")).status).toBe(200);
  const closed = app.close(600);
  const [ready, alive, certificate] = [await get("/readyz"), await get("/healthz"), await get("/ca.pem")];
  expect([ready.status, alive.status, certificate.status]).toEqual([503, 200, 200]);
  expect([ready, alive, certificate].map(({ headers }) => headers.get("connection"))).toEqual(Array(3).fill("close"));
  const tunnel = await openTunnel({ ...egress, url, port: Number(new URL(url).port) }, sandbox, host);
  tunnel.destroy();
  await closed;
  await expect(get("/healthz")).rejects.toThrow("fetch failed");
});
