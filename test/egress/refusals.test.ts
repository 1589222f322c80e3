// The proxy refuses bad requests, and nothing of them reaches a host: each rule with the request that would pass without it.
import { describe, expect, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import {
  bearerFor,
  bindSecret,
  connectTunnel,
  eventsOf,
  makeSandbox,
  openTunnel,
  sendRaw,
  useEgress,
} from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { setUnmatched } from "../support/signed-rows.ts";

const host = "api.upstream.test";
const other = "other.upstream.test";
const value = "an-upstream-credential";
const coffer = useCoffer();
const egress = useEgress(coffer, { hosts: [host, other] });
const authority = (name = host) => `${name}:${egress.upstreamPort}`;

async function begin(rule = bearerFor(host)) {
  const sandbox = await makeSandbox(coffer);
  const bound = await bindSecret(coffer, sandbox, value, rule);
  return { sandbox, ...bound, tunnel: await openTunnel(egress, sandbox, host) };
}

describe("a placeholder", () => {
  test.each([
    ["in the URL", (p: string) => ({ path: `/a?key=${p}` })],
    ["in the URL, percent-encoded", (p: string) => ({ path: `/%${p.charCodeAt(0).toString(16)}${p.slice(1)}` })],
    ["in another header", (p: string) => ({ headers: { "x-note": p } })],
    ["in the slot, but not alone", (p: string) => ({ headers: { authorization: `Bearer x${p}` } })],
    ["in another scheme of the slot", (p: string) => ({ headers: { authorization: `Basic ${btoa(`x:${p}`)}` } })],
    ["in the body", (p: string) => ({ method: "POST", body: `{"title":"${p}"}` })],
    [
      "in its slot and in the body",
      (p: string) => ({ method: "POST", headers: { authorization: `Bearer ${p}` }, body: `x${p}x` }),
    ],
  ])("%s is refused, and never swapped", async (_, request) => {
    const { sandbox, placeholder, secretId, tunnel } = await begin();
    const before = egress.seen.length;
    const answer = await requestIn(tunnel, { host: authority(), ...request(placeholder) });
    expect(answer).toMatchObject({ status: 403, reason: "credential_misplaced" });
    expect(answer.headers["x-superserve-proxy-error"]).toBe("true");
    expect(egress.seen.length).toBe(before);
    const events = await eventsOf(coffer, sandbox);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ secret_id: secretId, status: 403, error_code: "credential_misplaced" });
    tunnel.destroy();
  });

  test("that comes in two pieces of a body is found, before the request is whole", async () => {
    const { placeholder, tunnel } = await begin();
    const before = egress.seen.length;
    const [one, two] = [placeholder.slice(0, 20), placeholder.slice(20)];
    const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
    const head = `POST / HTTP/1.1\r\nHost: ${authority()}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    tunnel.write(head + chunk(`x${one}`));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await sendRaw(tunnel, `${chunk(two)}0\r\n\r\n`)).toContain("credential_misplaced");
    expect(egress.seen.length).toBe(before);
  });

  test("for other hosts is refused here", async () => {
    const { sandbox, tunnel } = await begin();
    const foreign = await bindSecret(coffer, sandbox, "another-value", bearerFor(other));
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const headers = { authorization: `Bearer ${foreign.placeholder}` };
    expect(await requestIn(tunnel, { host: authority(), headers })).toMatchObject({
      status: 403,
      reason: "credential_host_mismatch",
    });
    tunnel.destroy();
  });
});

describe("what changes while a tunnel is open", () => {
  const within2s = () => new Promise((resolve) => setTimeout(resolve, 2_000));
  const asked = (tunnel: Parameters<typeof requestIn>[0], placeholder: string) =>
    requestIn(tunnel, { host: authority(), headers: { authorization: `Bearer ${placeholder}` } });

  test("a detached secret is not put in any more", async () => {
    const { sandbox, placeholder, tunnel } = await begin();
    expect((await asked(tunnel, placeholder)).status).toBe(200);
    await coffer.sql("update sandbox_binding set revoke_time = now() where sandbox_id = $1", [sandbox.id]);
    await within2s();
    expect(await asked(tunnel, placeholder)).toMatchObject({ status: 503, reason: "credential_revoked" });
    tunnel.destroy();
  });

  test("a rotated secret has its new value", async () => {
    const { secretId, placeholder, tunnel } = await begin();
    expect((await asked(tunnel, placeholder)).status).toBe(200);
    const bytes = new TextEncoder().encode("the-rotated-value");
    await coffer
      .clients()
      .secrets.addSecretVersion({ secret: { case: "id", value: secretId }, value: { case: "data", value: bytes } });
    await within2s();
    expect((await asked(tunnel, placeholder)).status).toBe(200);
    expect(egress.seen.at(-1)?.headers.authorization).toBe("Bearer the-rotated-value");
    tunnel.destroy();
  });

  test("a deleted secret, a rule that SQL widened and a deleted sandbox are worth nothing", async () => {
    const { sandbox, secretId, placeholder, tunnel } = await begin();
    await coffer.clients().secrets.deleteSecret({ secret: { case: "id", value: secretId }, force: true });
    const forged = await bindSecret(coffer, sandbox, "forged-value", bearerFor(other));
    const rule = JSON.stringify(bearerFor(host));
    await coffer.sql("update secret set egress_rule = $1 where secret_id = $2", [rule, forged.secretId]);
    await within2s();
    expect((await asked(tunnel, placeholder)).reason).toBe("credential_revoked");
    expect((await asked(tunnel, forged.placeholder)).reason).toBe("credential_revoked");
    await coffer.sql("update sandbox set delete_time = now() where sandbox_id = $1", [sandbox.id]);
    await within2s();
    expect((await asked(tunnel, placeholder)).status).toBe(407);
    tunnel.destroy();
  });
});

describe("the limits of a rule", () => {
  const limited = { ...bearerFor(host), limits: { methods: ["GET"], pathPrefixes: ["/repos/mine"] } };

  test.each([
    ["GET", "/repos/mine/issues?x=/../", 200, undefined],
    ["GET", "/repos/mine", 200, undefined],
    ["POST", "/repos/mine", 403, "method_not_allowed"],
    ["GET", "/repos/minefield", 403, "path_not_allowed"],
    ["GET", "/repos/mine/../yours", 403, "path_not_allowed"],
    ["GET", "/repos/mine/%2e%2e/yours", 403, "path_not_allowed"],
    ["GET", "/repos/mine/..%2fyours", 403, "path_not_allowed"],
    ["GET", "//repos/mine", 403, "path_not_allowed"],
    // Overlong UTF-8, characters that servers drop or fold, and an encoding of another standard.
    ["GET", "/repos/mine/%c0%ae%c0%ae/yours", 403, "path_not_allowed"],
    ["GET", "/repos/mine/.%c0%ae/yours", 403, "path_not_allowed"],
    ["GET", "/repos/mine/.%09./yours", 403, "path_not_allowed"],
    ["GET", "/repos/mine/..%00/yours", 403, "path_not_allowed"],
    ["GET", "/repos/mine/..%20/yours", 403, "path_not_allowed"],
    ["GET", "/repos/mine/.%e2%80%8b./yours", 403, "path_not_allowed"],
    ["GET", "/repos/mine/%ef%bc%8e%ef%bc%8e/yours", 403, "path_not_allowed"],
    ["GET", "/repos/mine/..%ef%bc%8fyours", 403, "path_not_allowed"],
    ["GET", "/repos/mine/..%c0%afyours", 403, "path_not_allowed"],
    ["GET", "/repos/mine/%u002e%u002e/yours", 403, "path_not_allowed"],
    ["GET", "/repos/mine/..;/yours", 403, "path_not_allowed"],
    ["GET", "/repos/mine#/../yours", 403, "path_not_allowed"],
    ["GET", "/repos/mine/d%C3%A9j%C3%A0%20vu", 200, undefined],
  ])("%s %s is %i", async (method, path, status, reason) => {
    const { placeholder, tunnel } = await begin(limited);
    const headers = { authorization: `Bearer ${placeholder}` };
    expect(await requestIn(tunnel, { host: authority(), method, path, headers })).toMatchObject({ status, reason });
    tunnel.destroy();
  });

  test("count requests a minute, and bytes an hour", async () => {
    const limits = { methods: [], pathPrefixes: [] };
    const few = await begin({ ...bearerFor(host), limits: { ...limits, requestsPerMinute: 2 } });
    const headers = { authorization: `Bearer ${few.placeholder}` };
    const statuses: (number | undefined)[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await requestIn(few.tunnel, { host: authority(), headers })).status);
    expect(statuses).toEqual([200, 200, 429]);
    const small = await begin({ ...bearerFor(host), limits: { ...limits, bytesPerHour: 1_000 } });
    const big = { method: "POST", body: "x".repeat(2_000), headers: { authorization: `Bearer ${small.placeholder}` } };
    expect(await requestIn(small.tunnel, { host: authority(), ...big })).toMatchObject({
      status: 429,
      reason: "byte_cap_reached",
    });
    few.tunnel.destroy();
    small.tunnel.destroy();
  });
});

describe("a name", () => {
  test.each([["10.0.0.1"], ["127.0.0.2"], ["169.254.169.254"], ["93.184.216.34", "10.0.0.1"]])(
    "that leads inside is refused: %s %s",
    async (...addresses) => {
      const name = "inside.upstream.test";
      const sandbox = await makeSandbox(coffer);
      const { placeholder } = await bindSecret(coffer, sandbox, value, bearerFor(name));
      egress.dns.answers.set(name, [addresses]);
      const tunnel = await openTunnel(egress, sandbox, name);
      const headers = { authorization: `Bearer ${placeholder}` };
      expect(await requestIn(tunnel, { host: authority(name), headers })).toMatchObject({
        status: 403,
        reason: "host_denied",
      });
      tunnel.destroy();
    },
  );

  test("of no bound secret passes unread where the workspace allows it, still guarded", async () => {
    const { sandbox } = await begin();
    await setUnmatched(coffer, sandbox.workspaceId, "ALLOW");
    try {
      const free = await makeSandbox(coffer);
      const { head, socket } = await connectTunnel(egress, free.token, authority(other));
      expect(head).toMatch(/^HTTP\/1\.1 200 /);
      socket.destroy();
      egress.dns.answers.set("unread.upstream.test", [["10.0.0.1"]]);
      expect((await connectTunnel(egress, free.token, authority("unread.upstream.test"))).head).toContain(
        "host_denied",
      );
    } finally {
      await setUnmatched(coffer, sandbox.workspaceId, "DENY");
    }
  });
});
