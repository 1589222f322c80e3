// The file of trusted issuers: what it may say, and one line that names the place for what it may not.

import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { StartupError } from "../../src/domain/error/startup-error.ts";
import { readIssuers } from "../../src/jwt/read-issuers.ts";
import { entryOf, type JwtIssuer, startIssuer, writeIssuersFile } from "../support/jwt-issuer.ts";

const setting = "COFFER_JWT_ISSUERS_FILE";
const workspaceId = "ws_01jzzzzzzzzzzzzzzzzzzzzzzz";
let issuer: JwtIssuer;
beforeAll(async () => {
  issuer = await startIssuer();
});
afterAll(() => issuer.stop());

function read(content: unknown, besides: Record<string, string> = {}) {
  const { path, remove } = writeIssuersFile(content);
  onTestFinished(remove);
  for (const [name, text] of Object.entries(besides)) writeFileSync(join(dirname(path), name), text);
  return readIssuers(setting, path);
}

const entry = (change: object = {}) => entryOf(issuer, change);

describe("takes", () => {
  it("the least that an issuer must say, with defaults for the rest", () => {
    const least = {
      issuer: "https://idp.example",
      audience: ["a", "b"],
      algorithms: "RS256",
      jwksUrl: "https://idp.example/keys",
      workspaces: { ids: [workspaceId] },
      role: { fixed: "viewer" },
    };
    expect(read({ issuers: [least] })).toEqual([
      {
        issuer: "https://idp.example",
        audiences: ["a", "b"],
        algorithms: ["RS256"],
        keys: { url: "https://idp.example/keys" },
        keysMaxAgeMs: 3_600_000,
        clockSkewSeconds: 30,
        subjectClaim: ["sub"],
        workspaces: { ids: [workspaceId] },
        role: { fixed: "VIEWER" },
        scopes: { claim: ["scope"], map: new Map() },
      },
    ]);
  });

  it("all that it may say, and keys in a file beside it", () => {
    const all = entry({
      jwksUrl: undefined,
      jwksFile: "keys.json",
      jwksMaxAgeSeconds: 60,
      clockSkewSeconds: 60,
      subjectClaim: "https://example/user.id",
      workspaces: { claim: ["a", "b"], allowed: [workspaceId] },
      role: { claim: "roles", map: { x: "operator" }, default: "viewer", max: "owner" },
      scopes: false,
    });
    const [taken] = read({ issuers: [all] }, { "keys.json": JSON.stringify({ keys: [issuer.key.jwk] }) });
    expect(taken).toMatchObject({
      keys: { file: expect.stringMatching(/^\/.*keys\.json$/) },
      keysMaxAgeMs: 60_000,
      subjectClaim: ["https://example/user.id"],
      workspaces: { claim: ["a", "b"], allowed: [workspaceId] },
      role: { claim: ["roles"], map: new Map([["x", "OPERATOR"]]), byDefault: "VIEWER", max: "OWNER" },
      scopes: undefined,
    });
  });

  it("http on this machine only", () => {
    for (const host of ["localhost:1", "127.0.0.1", "[::1]:8080"]) {
      expect(read({ issuers: [entry({ jwksUrl: `http://${host}/` })] })).toHaveLength(1);
    }
  });
});

describe("refuses, in one line that names the place:", () => {
  const bad: [string, () => unknown, string][] = [
    ["what is no JSON", () => "{", "is not valid JSON"],
    ["a list", () => [], `${setting} must be an object`],
    ["no issuers", () => ({ issuers: [] }), ".issuers must be a list"],
    ["a member beside them", () => ({ issuers: [entry()], more: 1 }), 'not a setting: "more"'],
    [
      "a misspelled member",
      () => [entry({ audiance: "x" })],
      `.issuers[0] has a member that is not a setting: "audiance"`,
    ],
    ["an issuer twice", () => [entry(), entry()], "names an issuer twice"],
    ["an issuer that is no URL", () => [entry({ issuer: "idp" })], ".issuers[0].issuer must be an https URL"],
    ["an issuer without TLS", () => [entry({ issuer: "http://idp.example" })], ".issuer must be an https URL"],
    ["keys without TLS", () => [entry({ jwksUrl: "http://idp.example" })], ".jwksUrl must be an https URL"],
    ["keys at a name that only looks local", () => [entry({ jwksUrl: "http://127.0.0.1.example" })], ".jwksUrl must"],
    ["a password in the URL", () => [entry({ jwksUrl: "https://a:canary@idp.example" })], ".jwksUrl must be"],
    ["no audience", () => [entry({ audience: [] })], ".audience must be"],
    ["no algorithm", () => [entry({ algorithms: undefined })], ".algorithms must be"],
    ["a symmetric algorithm", () => [entry({ algorithms: ["RS256", "HS256"] })], ".algorithms must be some of RS256"],
    ["alg none", () => [entry({ algorithms: ["none"] })], ".algorithms must be some of"],
    ["no keys", () => [entry({ jwksUrl: undefined })], "must have either jwksUrl or jwksFile"],
    ["keys in two places", () => [entry({ jwksFile: "x" })], "must have either jwksUrl or jwksFile"],
    ["a file of keys that is not there", () => [entry({ jwksUrl: undefined, jwksFile: "x" })], "x cannot be read"],
    ["a file of keys that holds none", () => [entry({ jwksUrl: undefined, jwksFile: "no.json" })], ".jwksFile must"],
    ["a skew beyond a minute", () => [entry({ clockSkewSeconds: 61 })], ".clockSkewSeconds must be a whole number"],
    ["a skew that is a text", () => [entry({ clockSkewSeconds: "5" })], ".clockSkewSeconds must be"],
    ["keys without an age", () => [entry({ jwksMaxAgeSeconds: 0 })], ".jwksMaxAgeSeconds must be"],
    ["no workspaces", () => [entry({ workspaces: undefined })], ".workspaces must be an object"],
    ["a claim that may name any by silence", () => [entry({ workspaces: { claim: "w" } })], ".workspaces.allowed must"],
    ["ids that are none", () => [entry({ workspaces: { ids: ["acme"] } })], ".workspaces.ids must be ids"],
    ["no role", () => [entry({ role: {} })], ".role must have either fixed or claim"],
    ["a role without a highest", () => [entry({ role: { claim: "r", map: { a: "viewer" } } })], ".role.max must be"],
    ["an unknown role", () => [entry({ role: { fixed: "root" } })], ".role.fixed must be member"],
    [
      "a map to an unknown role",
      () => [entry({ role: { claim: "r", map: { a: "VIEWER" }, max: "owner" } })],
      ".map.a must",
    ],
    ["a map to an unknown scope", () => [entry({ scopes: { map: { a: ["secrets.fly"] } } })], ".scopes.map.a must"],
    ["a claim without a name", () => [entry({ subjectClaim: "" })], ".subjectClaim must be"],
  ];

  it.each(bad)("%s", (_what, content, message) => {
    const made = content();
    const file = Array.isArray(made) && made.length > 0 ? { issuers: made } : made;
    const attempt = () => read(file, { "no.json": '{"keys": []}' });
    expect(attempt).toThrow(StartupError);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(/^COFFER_JWT_ISSUERS_FILE[^\n]*$/);
    expect(attempt).not.toThrow(/canary/);
  });

  it("a file that is not there", () => {
    expect(() => readIssuers(setting, "/nowhere/issuers.json")).toThrow(
      /^COFFER_JWT_ISSUERS_FILE: the file .* cannot be read$/,
    );
  });
});
