// POST /secrets of Superserve on the real servers: what it answers field by field, and all that it refuses.
import { describe, expect, it } from "vitest";
import type { EgressSandbox } from "../../../src/domain/egress/sandbox.ts";
import { idOfUuid } from "../../../src/domain/ids.ts";
import { openForEgress } from "../../../src/operations/egress/open-for-egress.ts";
import { useCoffer } from "../../support/coffer.ts";
import { expectError } from "../../support/errors.ts";
import { byId, getSecret, newName } from "../../support/secrets.ts";
import { createServeSecret, serve, serveBody, served, serveFailure } from "../../support/superserve.ts";

const coffer = useCoffer();

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const seconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const shown = {
  id: expect.stringMatching(uuid),
  created_at: expect.stringMatching(seconds),
  updated_at: expect.stringMatching(seconds),
};
const custom = (auth: object, hosts = ["api.example.com"]) => ({ provider: undefined, auth, hosts });
const failure = (path: string, init: object = {}) => serveFailure(coffer, path, init);

describe("POST /secrets answers 201, field by field", () => {
  it.each<[string, object, object]>([
    [
      "a preset",
      { provider: "anthropic" },
      {
        auth_type: "api-key",
        auth_config: { header: "x-api-key" },
        hosts: ["api.anthropic.com"],
        provider_shortcut: "anthropic",
      },
    ],
    [
      "the preset with a scheme for each host",
      { provider: "github" },
      {
        auth_type: "per_host",
        auth_config: {
          per_host: [
            { hosts: ["api.github.com"], type: "bearer" },
            { hosts: ["github.com"], type: "basic", username: "x-access-token" },
          ],
        },
        hosts: ["api.github.com", "github.com"],
        provider_shortcut: "github",
      },
    ],
    [
      "bearer",
      custom({ type: "bearer" }, [" API.example.com ", "*.example.org"]),
      { auth_type: "bearer", auth_config: {}, hosts: ["api.example.com", "*.example.org"] },
    ],
    [
      "the document's own shape of auth",
      custom({ type: "bearer", headers: {} }),
      { auth_type: "bearer", auth_config: {}, hosts: ["api.example.com"] },
    ],
    [
      "empty texts in place of what is not given",
      { ...custom({ type: "bearer", header: "", prefix: "", username: "", headers: {}, per_host: [] }), provider: "" },
      { auth_type: "bearer", auth_config: {}, hosts: ["api.example.com"] },
    ],
    ["basic", custom({ type: "basic" }), { auth_type: "basic", auth_config: {}, hosts: ["api.example.com"] }],
    [
      "basic with a user",
      custom({ type: "basic", username: "u" }),
      { auth_type: "basic", auth_config: { username: "u" }, hosts: ["api.example.com"] },
    ],
    [
      "api-key",
      custom({ type: "api-key", header: "X-Key" }),
      { auth_type: "api-key", auth_config: { header: "X-Key" }, hosts: ["api.example.com"] },
    ],
    [
      "api-key with a prefix",
      custom({ type: "api-key", header: "X-Key", prefix: "Key " }),
      { auth_type: "api-key", auth_config: { header: "X-Key", prefix: "Key " }, hosts: ["api.example.com"] },
    ],
    [
      "custom",
      custom({ type: "custom", headers: { "X-A": "a {{ value }}" } }),
      { auth_type: "custom", auth_config: { headers: { "X-A": "a {{ value }}" } }, hosts: ["api.example.com"] },
    ],
    [
      "per_host",
      custom(
        {
          per_host: [
            { hosts: ["a.example.com"], type: "bearer" },
            { hosts: ["b.example.com"], type: "api-key", header: "X-B" },
          ],
        },
        ["*.example.com"],
      ),
      {
        auth_type: "per_host",
        auth_config: {
          per_host: [
            { hosts: ["a.example.com"], type: "bearer" },
            { hosts: ["b.example.com"], type: "api-key", header: "X-B" },
          ],
        },
        hosts: ["*.example.com"],
      },
    ],
  ])("%s", async (_, change, expected) => {
    const body = serveBody(change);
    const response = await serve(coffer, "/secrets", { json: body });
    const text = await response.text();
    expect([response.status, JSON.parse(text)]).toEqual([201, { ...shown, name: body.name, ...expected }]);
    expect(text).not.toContain(body.value);
    expect(await served(coffer, `/secrets/${body.name}`)).toEqual(JSON.parse(text));
  });

  it("a name that is trimmed, of 128 characters, and a value of 8192 bytes", async () => {
    const name = `_${"a-B0".repeat(31)}abc`;
    expect(await createServeSecret(coffer, { name: ` ${name} `, value: "v".repeat(8_192) })).toMatchObject({ name });
    expect(name).toHaveLength(128);
  });

  it("once for one idempotency key", async () => {
    const init = { json: serveBody(), headers: { "idempotency-key": newName() } };
    const first = await served(coffer, "/secrets", init);
    const again = await serve(coffer, "/secrets", init);
    expect([again.status, await again.json(), again.headers.get("idempotency-replayed")]).toEqual([201, first, "true"]);
    expect(await failure("/secrets", { ...init, json: serveBody() })).toMatchObject({ error: "409 conflict" });
  });

  it("a secret of coffer whose value nobody reads", async () => {
    const { id } = await createServeSecret(coffer);
    const secretId = idOfUuid("sec", id) ?? "";
    expect(await getSecret(coffer, { id: secretId })).toMatchObject({ kind: "generic", revealable: false });
    await expectError(coffer.clients().secrets.getSecretValue(byId(secretId)), { reason: "NOT_REVEALABLE" });
  });
});

describe("POST /secrets keeps a value of any characters", () => {
  it.each([
    ["8,192 characters of two bytes", "ü".repeat(8_192)],
    ["8,192 characters of two UTF-16 units", "😀".repeat(8_192)],
    ["a line break at its end", "sk-value\n"],
    ["lines", "-----BEGIN KEY-----\r\nAAAA\r\n-----END KEY-----\r\n"],
    ["control characters and U+0000", "a\u0000b\u0007"],
    ["spaces", "  v  "],
  ])("%s", async (_, value) => {
    const { id, name } = await createServeSecret(coffer, { value });
    expect(Buffer.from(await storedValue(id)).toString("utf8")).toBe(value);
    const rotated = await serve(coffer, `/secrets/${name}`, { method: "PATCH", json: { value: `${value.slice(2)}x` } });
    expect(rotated.status).toBe(200);
  });

  it("but not one that is no text: a lone surrogate", async () => {
    const body = JSON.stringify(serveBody()).replace('"sk-value"', '"a\\ud800b"');
    expect(await failure("/secrets", { method: "POST", body })).toMatchObject({ error: "400 bad_request" });
  });
});

/** Returns the value that the proxy opens. */
async function storedValue(id: string): Promise<Uint8Array> {
  const secretId = idOfUuid("sec", id) ?? "";
  const [row] = await coffer.sql("select workspace_id from secret where secret_id = $1", [secretId]);
  const sandbox = { workspaceId: String(row?.["workspace_id"]), sandboxId: "sbx_none" } as EgressSandbox;
  const request = { requestId: "req_test", address: "192.0.2.1" };
  return (await openForEgress(coffer.deps, sandbox, { secretId, currentVersion: 1 }, request)).value.reveal();
}

describe("POST /secrets answers 400", () => {
  const perHost = (...rules: object[]) => custom({ per_host: rules }, ["*.example.com"]);
  const a = { hosts: ["a.example.com"], type: "bearer" };
  const many = (count: number) => Array.from({ length: count }, (_, i) => `h${i}.example.com`);
  it.each<[string, object, string]>([
    ["no name", { name: undefined }, "name"],
    ["a name of 129 characters", { name: "a".repeat(129) }, "name"],
    ["a name that begins with a digit", { name: "1a" }, "name"],
    ["a name with a slash", { name: "a/b" }, "name"],
    ["no value", { value: undefined }, "value"],
    ["an empty value", { value: "" }, "value"],
    ["a value of 8193 characters", { value: `${"v".repeat(8_192)}ü` }, "value"],
    ["neither provider nor auth", { provider: undefined }, "anthropic, asana"],
    ["an unknown provider", { provider: "nobody" }, "anthropic, asana"],
    ["provider and auth", { auth: { type: "bearer" } }, "auth"],
    ["provider and hosts", { hosts: ["a.b.c"] }, "hosts"],
    ["hosts alone", { provider: undefined, hosts: ["a.b.c"] }, "auth"],
    ["auth alone", { provider: undefined, auth: { type: "bearer" } }, "hosts"],
    ["17 hosts", custom({ type: "bearer" }, many(17)), "hosts"],
    ...[
      "https://a.b",
      "a.b:443",
      "a.b/c",
      "localhost",
      "*",
      "*.*.a.b",
      "*.com",
      "*.co.uk",
      "127.0.0.1",
      "127.1",
      "0x7f.1",
      "2130706433",
      "①②⑦.⓪.⓪.①",
      "64:ff9b::7f00:1",
      "[::ffff:127.0.0.1]",
      "a.b.",
      "%61.b",
      "a\u212a.b",
      "a..b",
      "-a.b",
      "",
    ].map((host): [string, object, string] => [`the host ${host}`, custom({ type: "bearer" }, [host]), "hosts[0]"]),
    ["a header for bearer", custom({ type: "bearer", header: "X" }), "auth.header"],
    ["a prefix for basic", custom({ type: "basic", prefix: "X" }), "auth.prefix"],
    ["a user with a colon", custom({ type: "basic", username: "a:b" }), "auth.username"],
    ["a user with a line feed", custom({ type: "basic", username: "a\nb" }), "auth.username"],
    ["api-key without a header", custom({ type: "api-key" }), "auth.header"],
    ["api-key with a header that is no token", custom({ type: "api-key", header: "X Key" }), "auth.header"],
    ["custom without headers", custom({ type: "custom", headers: {} }), "auth.headers"],
    [
      "custom with 9 headers",
      custom({ type: "custom", headers: Object.fromEntries(many(9).map((h) => [h, "{{ value }}"])) }),
      "auth.headers",
    ],
    ["a header that a proxy drops", custom({ type: "api-key", header: "X-Forwarded-For" }), "auth.header"],
    ["a prefix that no reader keeps", custom({ type: "api-key", header: "X", prefix: " x" }), "auth.prefix"],
    [
      "a value in another spelling",
      custom({ type: "custom", headers: { X: "{{  value }}" } }),
      'auth.headers["X"]: must contain {{ value }}',
    ],
    ["custom without the value", custom({ type: "custom", headers: { X: "y" } }), "auth.headers"],
    ["an unknown type", custom({ type: "oauth" }), "auth.type"],
    ["per_host as a type", custom({ type: "per_host" }), "per_host"],
    ["no rules", custom({ per_host: [] }), "per_host"],
    ["per_host with a type", custom({ type: "bearer", per_host: [a] }, ["a.example.com"]), "auth.type"],
    ["17 rules", perHost(...many(17).map((host) => ({ hosts: [host], type: "bearer" }))), "auth.per_host"],
    ["a rule outside of hosts", perHost({ hosts: ["a.b.example.com"], type: "bearer" }), "auth.per_host[0].hosts[0]"],
    ["rules that overlap", perHost(a, { hosts: ["*.example.com"], type: "basic" }), "auth.per_host[1].hosts[0]"],
    ["an unknown field", { labels: {} }, "labels"],
    ["an unknown field of auth", custom({ type: "bearer", perHost: [] }), "auth.perHost"],
    ["a number for a name", { name: 5 }, "name"],
  ])("%s", async (_, change, named) => {
    const body = serveBody(change);
    const { error, message } = await failure("/secrets", { json: body });
    expect([error, message]).toEqual(["400 bad_request", expect.stringContaining(named)]);
  });

  it("every broken rule at once", async () => {
    for (const json of [{}, { name: "1", value: "v".repeat(8_193), provider: "nobody" }]) {
      const { message } = await failure("/secrets", { json });
      expect(message).toMatch(/name: .*; value: .*; provider: /);
    }
  });

  it("at most: 16 hosts, 16 rules and 8 headers are taken", async () => {
    const hosts = many(16);
    await createServeSecret(coffer, custom({ type: "bearer" }, hosts));
    await createServeSecret(
      coffer,
      custom({ per_host: hosts.map((host) => ({ hosts: [host], type: "bearer" })) }, hosts),
    );
    const headers = Object.fromEntries(many(8).map((name) => [name, "{{ value }}"]));
    expect(await createServeSecret(coffer, custom({ type: "custom", headers }))).toMatchObject({
      auth_config: { headers },
    });
  });

  it("a body that is no JSON object", async () => {
    for (const body of ["{", "[]", ""]) {
      const init = { method: "POST", body, headers: { "content-type": "application/json" } };
      expect(await failure("/secrets", init)).toMatchObject({ error: "400 bad_request" });
    }
  });
});
