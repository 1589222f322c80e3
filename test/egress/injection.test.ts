// Injection of values: the proxy admits the sandbox, mints a certificate for its host, and sends the value only to that host.
import { X509Certificate } from "node:crypto";
import { connect as connectTls } from "node:tls";
import { describe, expect, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import {
  basicAuth,
  bearerFor,
  bindSecret,
  caOf,
  connectProxy,
  connectTunnel,
  eventsOf,
  makeSandbox,
  openTunnel,
  sendRaw,
  useEgress,
} from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { until } from "../support/poll.ts";

const host = "api.upstream.test";
const coffer = useCoffer();
const egress = useEgress(coffer, { hosts: [host, "git.upstream.test", "mixed.upstream.test"] });
const authority = (name = host) => `${name}:${egress.upstreamPort}`;

describe("a request through a tunnel", () => {
  test("reaches its host with the value, and comes back without it", async () => {
    const sandbox = await makeSandbox(coffer);
    const { placeholder, secretId } = await bindSecret(coffer, sandbox, "real-credential-$&-1", bearerFor(host));
    const tunnel = await openTunnel(egress, sandbox, host);
    const answer = await requestIn(tunnel, {
      ...{ host: authority(), path: "/a?q=1", method: "POST", body: "hello" },
      headers: { authorization: `Bearer ${placeholder}`, "x-forwarded-for": "1.2.3.4", forwarded: "for=1.2.3.4" },
    });
    expect(answer.status).toBe(200);
    const got = egress.seen.at(-1);
    expect(got).toMatchObject({ method: "POST", url: "/a?q=1", body: "hello" });
    expect(got?.headers).toMatchObject({
      host: authority(),
      authorization: "Bearer real-credential-$&-1",
      "accept-encoding": "identity",
    });
    for (const name of ["x-forwarded-for", "forwarded", "proxy-authorization"]) {
      expect(got?.headers).not.toHaveProperty(name);
    }
    expect(JSON.stringify(answer)).not.toContain("real-credential");
    expect(answer.headers["x-echo"]).toBe(`Bearer ${placeholder}`);
    expect(JSON.parse(answer.body).headers.authorization).toBe(`Bearer ${placeholder}`);

    const [event] = await eventsOf(coffer, sandbox);
    expect(event).toMatchObject({ secret_id: secretId, method: "POST", host, path: "/a", status: 200, error_code: "" });
    expect(event?.["upstream_status"]).toBe(200);
    await until("the time of its use is noted", async () => {
      const [row] = await coffer.sql("select last_used_time from secret where secret_id = $1", [secretId]);
      return row?.["last_used_time"] !== null;
    });
    const audit = await coffer.sql("select * from audit_event where resource_id = $1 and method = 'egress/open'", [
      secretId,
    ]);
    expect(audit).toHaveLength(1);
    expect(egress.logLines.join("")).not.toContain("real-credential");
    tunnel.destroy();
  });

  test("may be one of many, each swapped by its own rule, all or none", async () => {
    const sandbox = await makeSandbox(coffer);
    const one = await bindSecret(coffer, sandbox, "value-of-one", bearerFor("mixed.upstream.test"));
    const hosts = ["mixed.upstream.test"];
    const two = await bindSecret(coffer, sandbox, "value-of-two", {
      ...bearerFor(...hosts),
      schemes: [{ hosts, scheme: { type: "custom", headers: { "X-Key": "k={{ value }};" } } }],
    });
    const tunnel = await openTunnel(egress, sandbox, "mixed.upstream.test");
    const headers = { authorization: `Bearer ${one.placeholder}`, "x-key": `k=${two.placeholder};` };
    const answer = await requestIn(tunnel, { host: authority("mixed.upstream.test"), headers });
    expect(answer.status).toBe(200);
    expect(egress.seen.at(-1)?.headers).toMatchObject({
      authorization: "Bearer value-of-one",
      "x-key": "k=value-of-two;",
    });
    expect(await eventsOf(coffer, sandbox)).toHaveLength(2);

    const broken = await bindSecret(coffer, sandbox, "two\nlines", {
      ...bearerFor(...hosts),
      schemes: [{ hosts, scheme: { type: "api-key", header: "x-broken" } }],
    });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const before = egress.seen.length;
    const refused = await requestIn(tunnel, {
      host: authority("mixed.upstream.test"),
      headers: { ...headers, "x-broken": broken.placeholder },
    });
    expect(refused).toMatchObject({ status: 502, reason: "inject_error" });
    expect(egress.seen.length).toBe(before);
    tunnel.destroy();
  });

  test("rebuilds the password of basic, and keeps the user", async () => {
    const sandbox = await makeSandbox(coffer);
    const hosts = ["git.upstream.test"];
    const { placeholder } = await bindSecret(coffer, sandbox, " git-passwört", {
      ...bearerFor(...hosts),
      schemes: [{ hosts, scheme: { type: "basic" } }],
    });
    const tunnel = await openTunnel(egress, sandbox, "git.upstream.test");
    const given = Buffer.from(`ada:${placeholder}`).toString("base64");
    const sent = Buffer.from("ada: git-passwört").toString("base64");
    const answer = await requestIn(tunnel, {
      host: authority("git.upstream.test"),
      headers: { authorization: `Basic ${given}` },
    });
    expect(egress.seen.at(-1)?.headers.authorization).toBe(`Basic ${sent}`);
    expect(answer.headers["x-echo"]).toBe(`Basic ${given}`);
    expect(answer.body).not.toContain(sent);
    tunnel.destroy();
  });

  test("without a placeholder goes on as it is, and is an event of no secret", async () => {
    const sandbox = await makeSandbox(coffer);
    await bindSecret(coffer, sandbox, "never-sent-value", bearerFor(host));
    const tunnel = await openTunnel(egress, sandbox, host);
    const headers = { authorization: "Bearer its-own", "accept-encoding": "gzip" };
    expect((await requestIn(tunnel, { host: authority(), headers })).status).toBe(200);
    expect(egress.seen.at(-1)?.headers).toMatchObject(headers);
    const [event] = await eventsOf(coffer, sandbox);
    expect(event).toMatchObject({ secret_id: null, status: 200, error_code: "" });
    tunnel.destroy();
  });
});

describe("the certificates", () => {
  test("are of the workspace's one authority, for a day at most and for the host alone", async () => {
    const [one, two] = await Promise.all([makeSandbox(coffer), makeSandbox(coffer)]);
    await bindSecret(coffer, one, "some-value-1", bearerFor(host));
    const pems = await Promise.all([caOf(egress, one), caOf(egress, two), caOf(egress, one)]);
    expect(new Set(pems).size).toBe(1);
    expect(await coffer.sql("select 1 from egress_ca")).toHaveLength(1);
    const { socket } = await connectTunnel(egress, one.token, authority());
    const secured = connectTls({ socket, servername: host, ca: pems[0] as string });
    await new Promise((resolve) => secured.once("secureConnect", resolve));
    const leaf = new X509Certificate(secured.getPeerX509Certificate()?.raw ?? "");
    expect(leaf.subjectAltName).toBe(`DNS:${host}`);
    expect(leaf.ca).toBe(false);
    const lifeMs = Date.parse(leaf.validTo) - Date.parse(leaf.validFrom);
    expect(lifeMs).toBeLessThanOrEqual(86_400_000);
    const key = await coffer.sql("select encode(envelope, 'escape') as envelope from egress_ca");
    expect(String(key[0]?.["envelope"])).not.toContain("PRIVATE KEY");
    secured.destroy();
  });

  test("are shown to sandboxes only", async () => {
    expect((await fetch(`${egress.url}/ca.pem`)).status).toBe(401);
    const headers = { authorization: `Bearer ${coffer.ownerToken}` };
    expect((await fetch(`${egress.url}/ca.pem`, { headers })).status).toBe(401);
  });
});

describe("the doors", () => {
  test("are closed without a token, and from another address than the sandbox's", async () => {
    const elsewhere = await makeSandbox(coffer, "192.0.2.7");
    await bindSecret(coffer, elsewhere, "some-value-2", bearerFor(host));
    for (const token of ["", "sbx_coffer_nonsense", elsewhere.token]) {
      const { head, socket } = await connectTunnel(egress, token, authority());
      expect(head).toMatch(/^HTTP\/1\.1 407 /);
      expect(head).toMatch(/Proxy-Authenticate: Basic/i);
      socket.destroy();
    }
    const lines = egress.logLines.filter((line) => line.includes("no valid sandbox token"));
    expect(lines.length).toBeGreaterThanOrEqual(3);
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ address: "127.0.0.1" });
    expect(lines.join("")).not.toContain(elsewhere.token);
    expect(await (await fetch(egress.metricsUrl)).text()).toMatch(/^coffer_egress_unknown_total [1-9]\d*$/m);
  });

  test("lead nowhere but to hosts of bound secrets", async () => {
    const sandbox = await makeSandbox(coffer);
    await bindSecret(coffer, sandbox, "some-value-3", bearerFor(host));
    const cases = [
      ["other.upstream.test", "unmatched_host_denied"],
      ["127.0.0.1", "host_denied"],
      ["127.1", "host_denied"],
      ["0x7f.1", "host_denied"],
      ["2130706433", "host_denied"],
      ["localhost", "host_denied"],
      [`${host}.`, "host_denied"],
    ];
    for (const [name, reason] of cases) {
      const { head, socket } = await connectTunnel(egress, sandbox.token, authority(name));
      expect({ name, head }).toEqual({ name, head: expect.stringMatching(/^HTTP\/1\.1 403 .*Proxy-Error: true/s) });
      expect({ name, head }).toEqual({ name, head: expect.stringContaining(`Proxy-Reason: ${reason}\r\n`) });
      socket.destroy();
    }
    const { head } = await connectTunnel(egress, sandbox.token, `${host}:22`);
    expect(head).toContain("host_denied");
    expect(await eventsOf(coffer, sandbox)).toHaveLength(cases.length + 1);
  });

  test("let a request in clear in from near by, and send it on under TLS", async () => {
    const sandbox = await makeSandbox(coffer);
    const { placeholder } = await bindSecret(coffer, sandbox, "door-b-value", bearerFor(host));
    const request = (target: string, named: string) =>
      sendRaw(
        connectProxy(egress),
        `GET ${target} HTTP/1.1\r\nHost: ${named}\r\nProxy-Authorization: ${basicAuth(sandbox.token)}\r\n` +
          `Authorization: Bearer ${placeholder}\r\nConnection: close\r\n\r\n`,
      );
    const answer = await request(`http://${authority()}/b?x`, authority());
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).not.toContain("door-b-value");
    expect(egress.seen.at(-1)).toMatchObject({ url: "/b?x" });
    expect(egress.seen.at(-1)?.headers.authorization).toBe("Bearer door-b-value");
    expect(await request(`http://${authority()}/`, "other.upstream.test")).toContain("bad_request");
    expect(await request("http://other.upstream.test/", "other.upstream.test")).toContain("credential_host_mismatch");
  });
});
