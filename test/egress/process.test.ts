// One process for the API and the proxy: both ports, a value that gets to its host, and an end in time.
import { once } from "node:events";
import { type IncomingMessage, request as openRequest } from "node:http";
import type { TLSSocket } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import {
  bearerFor,
  bindSecret,
  connectTunnel,
  eventsOf,
  makeSandbox,
  openTunnel,
  type TestEgress,
  useEgress,
} from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { findFreePort } from "../support/free-port.ts";
import { until } from "../support/poll.ts";
import { useProcesses } from "../support/processes.ts";
import { setUnmatched } from "../support/signed-rows.ts";
import { writeEvery } from "../support/write-every.ts";

const host = "api.upstream.test";
const coffer = useCoffer({ redisUrl: null });
const processes = useProcesses();
const authorizations: string[] = [];
const egress = useEgress(coffer, {
  hosts: [host],
  answer: (request, response) => {
    authorizations.push(request.headers.authorization ?? "");
    if (request.url === "/never") return;
    if (request.url === "/slow") setTimeout(() => response.end("in the end"), 600);
    else if (request.url !== "/stream") response.end("answered");
    else writeEvery(response, 50, "data: x\n\n");
  },
});
const graceMs = 1_500;

async function serveBoth(more: Record<string, string> = {}) {
  const env = { ...egress.env, ...processes.settingsOf(coffer), COFFER_SHUTDOWN_GRACE_MS: String(graceMs), ...more };
  const serving = await processes.serve(env, { args: ["serve", "--egress"] });
  const url = /^coffer egress listening on (http\S+)$/m.exec(serving.stdout())?.[1] ?? "";
  const proxy: TestEgress = { ...egress, url, port: Number(new URL(url).port) };
  const sandbox = await makeSandbox(coffer);
  const { placeholder } = await bindSecret(coffer, sandbox, "a-value", bearerFor(host));
  const headers = { host: `${host}:${egress.upstreamPort}`, authorization: `Bearer ${placeholder}` };
  const open = async () => {
    const tunnel = await openTunnel(proxy, sandbox, host);
    tunnel.on("error", () => {});
    onTestFinished(() => void tunnel.destroy());
    return tunnel as TLSSocket;
  };
  return { serving, proxy, sandbox, headers, open };
}

test("tells who makes a sandbox where the proxy is", async () => {
  const port = await findFreePort();
  const { serving } = await serveBoth({ COFFER_EGRESS_PORT: String(port) });
  const headers = { "x-api-key": coffer.ownerToken, "content-type": "application/json" };
  const made = await fetch(`${serving.url}/sandboxes`, { method: "POST", headers, body: '{"name": "agent"}' });
  const { access_token: token, proxy_url: proxyUrl } = (await made.json()) as Record<string, string>;
  expect(proxyUrl).toBe(`http://sandbox:${token}@127.0.0.1:${port}/`);
});

test("serves both ports, and ends in time on SIGTERM while a stream is open", async () => {
  const { serving, sandbox, headers, open } = await serveBoth();
  const api = await fetch(`${serving.url}/readyz`);
  expect(api.status).toBe(200);
  const answer = await requestIn(await open(), { headers, host: headers.host });
  expect(answer).toMatchObject({ status: 200, body: "answered" });
  expect(authorizations.at(-1)).toBe("Bearer a-value");

  const tunnel = await open();
  const request = openRequest({ createConnection: () => tunnel, path: "/stream", headers });
  request.on("error", () => {});
  request.end();
  const [stream] = (await once(request, "response")) as [IncomingMessage];
  let received = 0;
  stream.on("error", () => {});
  stream.on("data", (chunk: Buffer) => {
    received += chunk.byteLength;
  });
  await once(stream, "data");
  const start = performance.now();
  expect(await serving.stop()).toMatchObject({ code: 0, signal: null, stderr: "" });
  const tookMs = performance.now() - start;
  // It has its time, and no more.
  expect(tookMs).toBeGreaterThan(graceMs - 100);
  expect(tookMs).toBeLessThan(graceMs + 1_500);
  const events = await eventsOf(coffer, sandbox);
  expect(events.map((event) => [event["path"], event["status"]])).toEqual([
    ["/", 200],
    ["/stream", 200],
  ]);
  // Notes that were written behind the answers are not lost.
  expect(Number(events[0]?.["response_bytes"])).toBe("answered".length);
  expect(received).toBeGreaterThan(100);
  expect(Number(events[1]?.["response_bytes"])).toBeGreaterThanOrEqual(received);
});

test("answers what it has begun after SIGTERM, and takes nothing new", async () => {
  const { serving, proxy, sandbox, headers, open } = await serveBoth();
  const tunnel = await open();
  const before = authorizations.length;
  const answer = requestIn(tunnel, { headers, host: headers.host, path: "/slow" });
  await until("the host has it", async () => authorizations.length > before);
  const start = performance.now();
  const stopping = serving.stop();
  await until("the port is closed", async () => {
    const { head, socket } = await connectTunnel(proxy, sandbox.token, headers.host);
    socket.destroy();
    return head === "";
  });
  expect(await answer).toMatchObject({ status: 200, body: "in the end" });
  expect(await stopping).toMatchObject({ code: 0, signal: null, stderr: "" });
  // Nothing was open any more, so nothing was waited for.
  expect(performance.now() - start).toBeLessThan(graceMs);
  expect(await eventsOf(coffer, sandbox)).toMatchObject([{ path: "/slow", status: 200, response_bytes: "10" }]);
});

test("ends at once on SIGTERM after the proxy has ended a tunnel", async () => {
  const { serving, proxy } = await serveBoth({ COFFER_EGRESS_IDLE_TIMEOUT_MS: "1000" });
  const sandbox = await makeSandbox(coffer);
  await setUnmatched(coffer, sandbox.workspaceId, "ALLOW");
  onTestFinished(() => setUnmatched(coffer, sandbox.workspaceId, "DENY"));
  const { head, socket } = await connectTunnel(proxy, sandbox.token, `${host}:${egress.upstreamPort}`);
  expect(head).toMatch(/^HTTP\/1\.1 200 /);
  socket.resume();
  await once(socket, "close");
  const start = performance.now();
  expect(await serving.stop()).toMatchObject({ code: 0, signal: null, stderr: "" });
  expect(performance.now() - start).toBeLessThan(graceMs);
  expect(await eventsOf(coffer, sandbox)).toMatchObject([{ method: "CONNECT", error_code: "upstream_timeout" }]);
});

test("ends in time on SIGTERM while a host does not answer the handshake of a WebSocket", async () => {
  const { serving, sandbox, headers, open } = await serveBoth();
  const tunnel = await open();
  const before = authorizations.length;
  const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  tunnel.write(
    `GET /never HTTP/1.1\r\nHost: ${headers.host}\r\nAuthorization: ${headers.authorization}\r\n${upgrade}\r\n`,
  );
  await until("the host has it", async () => authorizations.length > before);
  const start = performance.now();
  expect(await serving.stop()).toMatchObject({ code: 0, signal: null, stderr: "" });
  expect(performance.now() - start).toBeLessThan(graceMs + 1_500);
  expect(await eventsOf(coffer, sandbox)).toMatchObject([{ path: "/never", status: 499, error_code: "" }]);
});
