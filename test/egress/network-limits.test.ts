// A sandbox goes to the hosts of its own limits and to no other: in tunnels that are read or not, in clear, and in what is open already.
import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import {
  basicAuth,
  connectProxy,
  connectTunnel,
  eventsOf,
  openTunnel,
  sendRaw,
  type TestSandbox,
  useEgress,
} from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { createEgressSecret } from "../support/egress-secrets.ts";
import { until } from "../support/poll.ts";
import { data, present } from "../support/secrets.ts";
import { setUnmatched } from "../support/signed-rows.ts";

const one = "one.upstream.test";
const two = "two.upstream.test";
const free = "free.upstream.test";
const coffer = useCoffer();
const egress = useEgress(coffer, {
  hosts: [one, two, free],
  answer(request, response) {
    // Asked for it, it begins an answer that has no end.
    if (request.url === "/endless") response.write("a");
    else response.end(request.headers.authorization ?? "none");
  },
});
const authority = (name: string) => `${name}:${egress.upstreamPort}`;

/** A sandbox with a secret for the first two hosts. */
async function begin(network?: { allowOut?: string[]; denyOut?: string[] }) {
  const egressRule = { auth: { type: "bearer" }, hosts: [one, two] };
  const secret = await createEgressSecret(coffer, { value: data("the-value"), egress: egressRule });
  const init = { name: "limited", secrets: { KEY: secret.name }, ...(network ? { network } : {}) };
  const { sandbox, token } = await coffer.clients().egress.createSandbox(init);
  const { id, workspaceId, secrets } = present(sandbox);
  return { sandbox: { id, workspaceId, token } satisfies TestSandbox, placeholder: secrets[0]?.placeholder ?? "" };
}

const limit = (id: string, network: { allowOut?: string[]; denyOut?: string[] }) =>
  coffer.clients().egress.updateSandbox({ sandbox: { id, network } });

async function allowUnmatched({ workspaceId }: TestSandbox) {
  await setUnmatched(coffer, workspaceId, "ALLOW");
  onTestFinished(() => setUnmatched(coffer, workspaceId, "DENY"));
}

/** The status and code of an answer to CONNECT. */
async function tunnelTo(sandbox: TestSandbox, name: string) {
  const { head, socket } = await connectTunnel(egress, sandbox.token, authority(name));
  onTestFinished(() => void socket.destroy());
  const status = Number(head.split(" ")[1]);
  return { status, reason: /Proxy-Reason: (\w+)/i.exec(head)?.[1], socket };
}

async function inClear({ token }: TestSandbox, name: string, authorization: string) {
  const head = `GET http://${authority(name)}/clear HTTP/1.1\r\nHost: ${authority(name)}\r\nConnection: close\r\n`;
  const headers = `Proxy-Authorization: ${basicAuth(token)}\r\nAuthorization: ${authorization}\r\n\r\n`;
  const answer = await sendRaw(connectProxy(egress), head + headers);
  return { status: Number(answer.split(" ")[1]), reason: /Proxy-Reason: (\w+)/i.exec(answer)?.[1] };
}

describe("a list of allowed hosts", () => {
  test("lets the value go there, and refuses other hosts of the secret before their names are looked up", async () => {
    const { sandbox, placeholder } = await begin({ allowOut: [one] });
    const tunnel = await openTunnel(egress, sandbox, one);
    const headers = { authorization: `Bearer ${placeholder}` };
    expect(await requestIn(tunnel, { host: authority(one), headers })).toMatchObject({ status: 200 });
    tunnel.destroy();
    const asked = egress.dns.asked.filter((name) => name === two).length;
    expect(await tunnelTo(sandbox, two)).toMatchObject({ status: 403, reason: "host_not_allowed" });
    expect(await inClear(sandbox, two, `Bearer ${placeholder}`)).toEqual({ status: 403, reason: "host_not_allowed" });
    expect(await inClear(sandbox, one, `Bearer ${placeholder}`)).toMatchObject({ status: 200 });
    expect(egress.dns.asked.filter((name) => name === two)).toHaveLength(asked);
    const refused = (await eventsOf(coffer, sandbox)).filter(({ error_code }) => error_code === "host_not_allowed");
    expect(refused).toMatchObject([
      { method: "CONNECT", host: two, status: 403, secret_id: null },
      { method: "GET", host: two, path: "/clear", status: 403 },
    ]);
    const counted = await (await fetch(egress.metricsUrl)).text();
    expect(counted).toMatch(/^coffer_egress_requests_total\{status="4xx",error_code="host_not_allowed",\S+ [2-9]/m);
  });

  test("opens no host that the workspace does not allow", async () => {
    const { sandbox } = await begin({ allowOut: [free] });
    expect(await tunnelTo(sandbox, free)).toMatchObject({ status: 403, reason: "unmatched_host_denied" });
    await allowUnmatched(sandbox);
    await until("it is allowed", async () => (await tunnelTo(sandbox, free)).status === 200, 2_500);
    expect(await tunnelTo(sandbox, one)).toMatchObject({ status: 403, reason: "host_not_allowed" });
  });
});

describe("a list of denied hosts", () => {
  test("wins over a list of allowed ones, for tunnels that are read and for those that are not", async () => {
    const { sandbox, placeholder } = await begin({ allowOut: ["*.upstream.test"], denyOut: [two, free] });
    await allowUnmatched(sandbox);
    await sleep(1_100);
    expect(await tunnelTo(sandbox, two)).toMatchObject({ status: 403, reason: "host_denied" });
    expect(await tunnelTo(sandbox, free)).toMatchObject({ status: 403, reason: "host_denied" });
    expect(await inClear(sandbox, two, `Bearer ${placeholder}`)).toEqual({ status: 403, reason: "host_denied" });
    expect(await tunnelTo(sandbox, one)).toMatchObject({ status: 200 });
  });

  test("repeated refusals are one event that counts them", async () => {
    const { sandbox } = await begin({ denyOut: ["0.0.0.0/0"] });
    for (let i = 0; i < 5; i++) expect(await tunnelTo(sandbox, one)).toMatchObject({ reason: "host_denied" });
    expect(await eventsOf(coffer, sandbox)).toMatchObject([{ error_code: "host_denied", occurrences: 1 }]);
  });
});

describe("a change of the limits", () => {
  test("refuses the next request in an open tunnel within two seconds, and lets it through again", async () => {
    const { sandbox, placeholder } = await begin();
    const tunnel = await openTunnel(egress, sandbox, one);
    onTestFinished(() => void tunnel.destroy());
    const ask = () => requestIn(tunnel, { host: authority(one), headers: { authorization: `Bearer ${placeholder}` } });
    expect((await ask()).body).toBe(`Bearer ${placeholder}`);
    await limit(sandbox.id, { denyOut: [one] });
    await until("it is refused", async () => (await ask()).reason === "host_denied", 2_000);
    await limit(sandbox.id, {});
    await until("it is let through", async () => (await ask()).status === 200, 2_000);
  });

  test("breaks off an answer and a tunnel that are open, and their events say why", async () => {
    const { sandbox, placeholder } = await begin();
    await allowUnmatched(sandbox);
    await sleep(1_100);
    const read = await openTunnel(egress, sandbox, one);
    read.write(`GET /endless HTTP/1.1\r\nHost: ${authority(one)}\r\nAuthorization: Bearer ${placeholder}\r\n\r\n`);
    await once(read, "data");
    const { socket: blind } = await tunnelTo(sandbox, free);
    const inBlind = connectTls({ socket: blind, servername: free, rejectUnauthorized: false });
    inBlind.on("error", () => {});
    await once(inBlind, "secureConnect");
    const start = performance.now();
    await limit(sandbox.id, { allowOut: [two] });
    await Promise.all([closed(read), closed(blind)]);
    expect(performance.now() - start).toBeLessThan(2_500);
    await until("the events say why", async () => {
      const codes = (await eventsOf(coffer, sandbox)).map(({ error_code }) => error_code);
      return codes.length === 2 && codes.every((code) => code === "host_not_allowed");
    });
  });

  test("that SQL made is worth nothing: the token opens nothing any more", async () => {
    const { sandbox } = await begin({ allowOut: [one] });
    expect(await tunnelTo(sandbox, one)).toMatchObject({ status: 200 });
    for (const network of [null, '{"allowOut":["two.upstream.test"],"denyOut":[]}']) {
      await coffer.sql("update sandbox set network = $1 where sandbox_id = $2", [network, sandbox.id]);
      await until("it is refused", async () => (await tunnelTo(sandbox, two)).status === 407, 2_000);
      await expect(limit(sandbox.id, { allowOut: [two] })).rejects.toThrow("does not authenticate");
      await expect(coffer.clients().egress.rotateSandboxToken({ id: sandbox.id })).rejects.toThrow("authenticate");
    }
  });
});

async function closed(socket: Socket): Promise<void> {
  socket.on("error", () => {});
  socket.resume();
  if (!socket.closed) await once(socket, "close");
}
