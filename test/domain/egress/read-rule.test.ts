// Egress rules as callers give them: every rule that is broken is named, and nothing odd gets in.
import { describe, expect, it } from "vitest";
import { noLimits } from "../../../src/domain/egress/egress-rule.ts";
import { requestHeaders } from "../../../src/domain/egress/forwarded-headers.ts";
import { framingFault } from "../../../src/domain/egress/framing.ts";
import { providers } from "../../../src/domain/egress/providers.ts";
import { type AuthInput, type RuleInput, readEgressRule } from "../../../src/domain/egress/read-rule.ts";
import type { CofferError } from "../../../src/domain/error/errors.ts";

const hosts = ["api.example.com"];
const read = (input: Partial<RuleInput>) => readEgressRule({ hosts: [], limits: noLimits, ...input });
const scheme = (auth: AuthInput) => read({ auth, hosts }).schemes[0]?.scheme;

function brokenFields(input: Partial<RuleInput>): string[] {
  try {
    read(input);
  } catch (error) {
    return (error as CofferError).violations.map(({ field }) => field);
  }
  throw new Error("it was taken");
}

describe("succeeds", () => {
  it.each(providers.map(({ name }) => name))("with the preset %s", (name) => {
    const rule = read({ provider: name });
    expect(rule.provider).toBe(name);
    expect(rule.hosts.length).toBeGreaterThan(0);
    // Whatever is a preset could have been given by hand.
    const perHost = rule.schemes.map(({ hosts: own, scheme: { type, ...rest } }) => ({ hosts: own, type, ...rest }));
    expect(read({ auth: { perHost }, hosts: rule.hosts }).schemes).toEqual(rule.schemes);
  });

  it("has the nineteen presets, by name", () => {
    const names = providers.map(({ name }) => name);
    expect(names).toHaveLength(19);
    expect(names).toEqual([...names].sort());
  });

  it.each<[AuthInput, object]>([
    [{ type: "bearer" }, { type: "bearer" }],
    [{ type: "basic" }, { type: "basic" }],
    [
      { type: "basic", username: "git" },
      { type: "basic", username: "git" },
    ],
    [
      { type: "api-key", header: "X-Key" },
      { type: "api-key", header: "X-Key" },
    ],
    [
      { type: "api-key", header: "X-Key", prefix: "Key " },
      { type: "api-key", header: "X-Key", prefix: "Key " },
    ],
    [
      { type: "custom", headers: { "X-A": "{{ value }}", "X-B": "k={{value}};" } },
      { type: "custom", headers: { "X-A": "{{ value }}", "X-B": "k={{value}};" } },
    ],
  ])("with %j", (auth, expected) => {
    expect(scheme(auth)).toEqual(expected);
  });

  it("host by host, each below what hosts names", () => {
    const perHost = [
      { hosts: ["api.example.com"], type: "bearer" },
      { hosts: ["git.example.com"], type: "basic", username: "x" },
    ];
    const rule = read({ auth: { perHost }, hosts: ["*.example.com"] });
    expect(rule).toMatchObject({ isPerHost: true, hosts: ["*.example.com"] });
    expect(rule.schemes).toHaveLength(2);
  });

  it("takes each host once, in canonical form", () => {
    expect(read({ auth: { type: "bearer" }, hosts: ["API.example.com ", "api.example.com"] }).hosts).toEqual(hosts);
  });
});

const custom = (headers: Record<string, string>): Partial<RuleInput> => ({ auth: { type: "custom", headers }, hosts });
const header = (name: string): Partial<RuleInput> => ({ auth: { type: "api-key", header: name }, hosts });
const bearerAt = (...own: string[]) => ({ hosts: own, type: "bearer" });

describe("rejects", () => {
  it.each<[what: string, input: Partial<RuleInput>, fields: string[]]>([
    ["nothing at all", {}, ["provider"]],
    ["hosts alone", { hosts }, ["auth"]],
    ["auth alone", { auth: { type: "bearer" } }, ["hosts"]],
    ["an unknown provider", { provider: "acme" }, ["provider"]],
    ["a provider with auth and hosts", { provider: "openai", auth: { type: "bearer" }, hosts }, ["auth", "hosts"]],
    ["no type", { auth: {}, hosts }, ["auth.type"]],
    ["an unknown type", { auth: { type: "digest" }, hosts }, ["auth.type"]],
    ["a type of the prototype", { auth: { type: "toString" }, hosts }, ["auth.type"]],
    ["per_host as a type", { auth: { type: "per_host" }, hosts }, ["auth.type"]],
    [
      "fields of other types",
      { auth: { type: "bearer", header: "X", username: "u" }, hosts },
      ["auth.header", "auth.username"],
    ],
    ["a user with a colon", { auth: { type: "basic", username: "a:b" }, hosts }, ["auth.username"]],
    ["a user with a line break", { auth: { type: "basic", username: "a\r\nb" }, hosts }, ["auth.username"]],
    ["no header", { auth: { type: "api-key" }, hosts }, ["auth.header"]],
    ["a header with a space", header("X Key"), ["auth.header"]],
    ["a header with a line break", header("X\r\nY"), ["auth.header"]],
    ["Host as header", header("Host"), ["auth.header"]],
    ["framing as header", header("transfer-encoding"), ["auth.header"]],
    ["a prefix with a line break", { auth: { type: "api-key", header: "X", prefix: "a\n" }, hosts }, ["auth.prefix"]],
    [
      "a prefix that begins with a space",
      { auth: { type: "api-key", header: "X", prefix: " a" }, hosts },
      ["auth.prefix"],
    ],
    ["no headers", custom({}), ["auth.headers"]],
    [
      "nine headers",
      custom(Object.fromEntries("abcdefghi".split("").map((name) => [name, "{{ value }}"]))),
      ["auth.headers"],
    ],
    ["a template without the value", custom({ "X-A": "v" }), ['auth.headers["X-A"]']],
    ["a template with two values", custom({ "X-A": "{{ value }}{{ value }}" }), ['auth.headers["X-A"]']],
    ["a template with a value of another spelling", custom({ "X-A": "{{  value }}" }), ['auth.headers["X-A"]']],
    ["a template with a space before it", custom({ "X-A": " {{ value }}" }), ['auth.headers["X-A"]']],
    ["a template with a space behind it", custom({ "X-A": "{{ value }} " }), ['auth.headers["X-A"]']],
    ["a template with a NUL", custom({ "X-A": "{{ value }}\0" }), ['auth.headers["X-A"]']],
    ["a header twice", custom({ "X-A": "{{ value }}", "x-a": "{{ value }}" }), ["auth.headers"]],
    ["bad hosts, all of them", { auth: { type: "bearer" }, hosts: ["*", "a.io", "127.1"] }, ["hosts[0]", "hosts[2]"]],
    ["17 hosts", { auth: { type: "bearer" }, hosts: Array.from({ length: 17 }, (_, i) => `a${i}.io`) }, ["hosts"]],
    ["no rules", { auth: { perHost: [] }, hosts }, ["auth.per_host"]],
    ["17 rules", { auth: { perHost: Array.from({ length: 17 }, () => bearerAt("a.io")) }, hosts }, ["auth.per_host"]],
    ["a type beside rules", { auth: { type: "bearer", perHost: [bearerAt(...hosts)] }, hosts }, ["auth.type"]],
    ["a rule without hosts", { auth: { perHost: [bearerAt()] }, hosts }, ["auth.per_host[0].hosts"]],
    ["a rule of no type", { auth: { perHost: [{ hosts }] }, hosts }, ["auth.per_host[0].type"]],
    [
      "a rule for a host that hosts does not name",
      { auth: { perHost: [bearerAt("b.example.com")] }, hosts },
      ["auth.per_host[0].hosts[0]"],
    ],
    [
      "two rules for one host",
      { auth: { perHost: [bearerAt("*.example.com"), bearerAt("api.example.com")] }, hosts: ["*.example.com"] },
      ["auth.per_host[1].hosts[0]"],
    ],
  ])("%s", (_, input, fields) => {
    expect(brokenFields(input)).toEqual(fields);
  });
});

describe("a header that a request does not take to its host", () => {
  const names = [
    ...[
      "Connection",
      "Keep-Alive",
      "TE",
      "Trailer",
      "Transfer-Encoding",
      "Upgrade",
      "Host",
      "Expect",
      "HTTP2-Settings",
    ],
    ...["Forwarded", "Via", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Host", "Proxy-Authorization", "Proxy-Foo"],
    ...["Accept-Encoding", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"],
  ];
  it.each(names)("%s is none for a credential", (name) => {
    const head = { method: "GET", httpVersion: "1.1", target: "/", rawHeaders: ["Host", "a.io", name, "v"] };
    const isKept = requestHeaders([name, "v"], true).includes("v") && !framingFault(head, { host: "a.io", port: 443 });
    expect(isKept).toBe(false);
    expect(brokenFields(header(name))).toEqual(["auth.header"]);
    expect(brokenFields(custom({ [name]: "{{ value }}" }))).toEqual([`auth.headers["${name}"]`]);
  });

  it.each(["Content-Type", "Content-Encoding", "Content-Length", "Sec-WebSocket-Key"])(
    "nor %s, which says how one is read",
    (name) => expect(brokenFields(header(name))).toEqual(["auth.header"]),
  );

  it.each(["Cookie", "Authorization", "PRIVATE-TOKEN", "Sec-WebSocket-Protocol", "constructor", "__proto__"])(
    "%s is one",
    (name) => {
      expect(scheme({ type: "api-key", header: name })).toEqual({ type: "api-key", header: name });
      const headers = JSON.parse(`{"${name}":"{{ value }}"}`);
      expect(JSON.stringify(scheme({ type: "custom", headers }))).toBe(JSON.stringify({ type: "custom", headers }));
    },
  );
});
