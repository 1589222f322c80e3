// A host name is used only if all its addresses are public or allowed, at every look-up; a second look-up cannot change the address.
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import {
  basicAuth,
  bearerFor,
  bindSecret,
  connectProxy,
  eventsOf,
  makeSandbox,
  openTunnel,
  sendRaw,
  useEgress,
} from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";

// Stands for a public address: the only one at which hosts may be.
const outside = "127.0.0.2";
const host = "api.upstream.test";
const coffer = useCoffer();
const egress = useEgress(coffer, {
  hosts: [host],
  address: outside,
  timeouts: { dialMs: 1_000 },
  answer: (request, response) => {
    seen.push(request.url ?? "");
    // Each request makes a connection of its own, and so asks for the name again.
    response.setHeader("connection", "close");
    response.end("outside");
  },
});
const seen: string[] = [];

/** A server on loopback, at the port to which requests may go. */
let inside: Server;
let insideConnections = 0;
beforeAll(async () => {
  inside = createServer((socket) => {
    insideConnections++;
    socket.destroy();
  });
  inside.listen(egress.upstreamPort, "127.0.0.1");
  await once(inside, "listening");
});
afterAll(() => void inside.close());

const authority = () => `${host}:${egress.upstreamPort}`;

async function begin() {
  const sandbox = await makeSandbox(coffer);
  const { placeholder } = await bindSecret(coffer, sandbox, "a-value", bearerFor(host));
  const headers = { authorization: `Bearer ${placeholder}` };
  // In a tunnel of its own: one whose host cannot be reached ends.
  const ask = async () => {
    const tunnel = await openTunnel(egress, sandbox, host);
    const answer = await requestIn(tunnel, { host: authority(), headers });
    tunnel.destroy();
    return answer;
  };
  return { sandbox, headers, ask };
}

async function expectDenied(sandbox: Awaited<ReturnType<typeof makeSandbox>>, requestsBefore: number) {
  const events = await eventsOf(coffer, sandbox);
  expect(events.at(-1)).toMatchObject({ host, status: 403, upstream_status: null, error_code: "host_denied" });
  expect(seen).toHaveLength(requestsBefore);
  expect(insideConnections).toBe(0);
}

describe("a name that leads outside first and inside at the next question", () => {
  test("is dialled at the address that was checked, and refused when it is asked for again", async () => {
    egress.dns.answers.set(host, [[outside], ["127.0.0.1"]]);
    const { sandbox, ask } = await begin();
    const before = egress.dns.asked.length;
    expect(await ask()).toMatchObject({ status: 200, body: "outside" });
    expect(egress.dns.asked.slice(before)).toEqual([host]);
    const requests = seen.length;
    expect(await ask()).toMatchObject({ status: 403, reason: "host_denied" });
    expect(egress.dns.asked.slice(before)).toEqual([host, host]);
    await expectDenied(sandbox, requests);
  });
});

const forbidden = [
  ["127.0.0.1"],
  ["0.0.0.0"],
  ["10.0.0.1"],
  ["100.64.0.1"],
  ["169.254.169.254"],
  ["168.63.129.16"],
  ["::"],
  ["::1"],
  ["::ffff:127.0.0.1"],
  ["::ffff:169.254.169.254"],
  ["::7f00:1"],
  ["64:ff9b::7f00:1"],
  ["64:ff9b:1::7f00:1"],
  ["2002:7f00:1::"],
  ["fd00::1"],
  ["fe80::1"],
  ["fd00:ec2::254"],
];

describe("a name that leads to an address that is not public", () => {
  test.each(forbidden)("%s: alone, beside one that is, before and after it, and by another name", async (address) => {
    const { sandbox, ask } = await begin();
    const requests = seen.length;
    for (const addresses of [[address], [outside, address], [address, outside]]) {
      egress.dns.answers.set(host, [addresses]);
      expect([addresses, await ask()]).toMatchObject([addresses, { status: 403, reason: "host_denied" }]);
      await expectDenied(sandbox, requests);
    }
    egress.dns.answers.set("inside.elsewhere.test", [[address]]);
    egress.dns.aliases.set(host, "inside.elsewhere.test");
    expect(await ask()).toMatchObject({ status: 403, reason: "host_denied" });
    await expectDenied(sandbox, requests);
    egress.dns.aliases.delete(host);
    egress.dns.answers.set(host, [[outside]]);
    expect((await ask()).status).toBe(200);
  });

  test("is refused for a request in clear and for a WebSocket, too", async () => {
    const { sandbox, headers } = await begin();
    egress.dns.answers.set(host, [[outside, "127.0.0.1"]]);
    const requests = seen.length;
    const answer = await sendRaw(
      connectProxy(egress),
      `GET http://${authority()}/ HTTP/1.1\r\nHost: ${authority()}\r\nConnection: close\r\n` +
        `Proxy-Authorization: ${basicAuth(sandbox.token)}\r\nAuthorization: ${headers.authorization}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 403 .*Proxy-Reason: host_denied\r\n/s);
    await expectDenied(sandbox, requests);
    const refused = await sendRaw(
      await openTunnel(egress, sandbox, host),
      `GET /socket HTTP/1.1\r\nHost: ${authority()}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Authorization: ${headers.authorization}\r\n\r\n`,
    );
    expect(refused).toMatch(/^HTTP\/1\.1 403 .*Proxy-Reason: host_denied\r\n/s);
    await expectDenied(sandbox, requests);
    expect(await eventsOf(coffer, sandbox)).toHaveLength(2);
    egress.dns.answers.set(host, [[outside]]);
  });

  test("is none at all when it leads nowhere, or in a circle", async () => {
    const { sandbox, ask } = await begin();
    egress.dns.answers.delete(host);
    expect(await ask()).toMatchObject({ status: 502, reason: "upstream_unreachable" });
    egress.dns.answers.set(host, [[]]);
    egress.dns.aliases.set(host, host);
    expect(await ask()).toMatchObject({ status: 502, reason: "upstream_unreachable" });
    egress.dns.aliases.delete(host);
    egress.dns.answers.set(host, [[outside]]);
    expect((await eventsOf(coffer, sandbox)).map((event) => event["error_code"])).toEqual([
      "upstream_unreachable",
      "upstream_unreachable",
    ]);
    expect(insideConnections).toBe(0);
  });
});
