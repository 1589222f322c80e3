// POST /v1/secrets/validate_token on the real servers: the token is tried and not kept.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { akuaFailure, bodyOf } from "../../support/akua.ts";
import { issueBroadToken } from "../../support/broad-token.ts";
import { startCoffer, type TestCoffer } from "../../support/coffer.ts";
import { textsIn } from "../../support/find-bytes.ts";
import { type Services, startServices } from "../../support/services.ts";

let services: Services;
let coffer: TestCoffer;
beforeAll(async () => {
  services = await startServices();
  coffer = await startCoffer({ env: services.env });
});
afterAll(async () => {
  await coffer.close();
  await services.close();
});

const path = "/v1/secrets/validate_token";
const tokenOf = (value: string) => ({ provider: "hcloud", value });
const send = (json: object, init = {}) => coffer.fetch(path, { json, ...init });

describe("succeeds", () => {
  it("with 200 for a token that is valid, and for one that is not", async () => {
    expect(await bodyOf(await send(tokenOf("good")))).toEqual({ valid: true });
    const refused = { valid: false, error: "Hetzner Cloud does not accept the token" };
    expect(await bodyOf(await send(tokenOf("bad")))).toEqual(refused);
    expect(await bodyOf(await send(tokenOf("bad\r\nx: y")))).toEqual({ valid: false, error: expect.any(String) });
  });

  it("and keeps nothing of it but the audit event, which is there before the token leaves", async () => {
    const canary = "canary-bad-91c0e";
    await send(tokenOf(canary));
    expect(services.callsWith(canary)).toHaveLength(1);
    const tables = await coffer.sql("select table_name from information_schema.tables where table_schema = 'public'");
    for (const { table_name: table } of tables) {
      const rows = await coffer.sql(`select t::text as row from "${table}" t`);
      expect(textsIn(rows.map(({ row }) => row).join("\n"), [canary])).toEqual([]);
    }
    expect(textsIn(coffer.logLines.join("\n"), [canary])).toEqual([]);
    const events = await coffer.sql(
      "select decision, rule, resource_type, result from audit_event where method like '%/ValidateToken'",
    );
    expect(events).toContainEqual({ decision: "ALLOW", rule: "role:owner", resource_type: "none", result: "OK" });
    expect(events).toHaveLength(services.calls.length + 1);
  });

  it("without akua-context for a token that reaches several workspaces", async () => {
    const token = await issueBroadToken(coffer);
    expect(await bodyOf(await send(tokenOf("good"), { token }))).toEqual({ valid: true });
  });

  it("with the same answer twice for one idempotency key: there is nothing to replay", async () => {
    const init = { headers: { "idempotency-key": "twice" } };
    expect(await bodyOf(await send(tokenOf("good"), init))).toEqual({ valid: true });
    expect(await bodyOf(await send(tokenOf("good"), init))).toEqual({ valid: true });
  });
});

describe("rejects", () => {
  it.each<[name: string, json: object, paths: string[]]>([
    ["no field at all", {}, ["provider", "value"]],
    ["another provider", { provider: "aws", value: "v" }, ["provider"]],
    ["an empty value", { provider: "hcloud", value: "" }, ["value"]],
    ["a value of another type", { provider: "hcloud", value: 7 }, ["value"]],
    ["a field that is none", { provider: "hcloud", value: "good-extra", name: "n" }, ["name"]],
    ["a value that is too long", { provider: "hcloud", value: "v".repeat(65_537) }, ["value"]],
  ])("%s: 400", async (_name, json, paths) => {
    const before = services.calls.length;
    const failure = await akuaFailure(coffer, path, { json });
    expect(failure).toMatchObject({ status: 400, reason: "FIELD_INVALID" });
    expect(failure.paths.sort()).toEqual(paths);
    expect(services.calls.length).toBe(before);
  });
});

describe("denies", () => {
  it("without a token, and without the scope secrets:write: nothing is tried", async () => {
    const before = services.calls.length;
    expect(await akuaFailure(coffer, path, { json: tokenOf("good"), token: null })).toMatchObject({ status: 401 });
    for (const scopes of [["secrets:read", "secrets:access"], ["secrets.use"]]) {
      const token = await coffer.tokenWithRole(Role.OWNER, scopes);
      const failure = await akuaFailure(coffer, path, { json: tokenOf("good"), token });
      expect(failure).toMatchObject({ status: 403, reason: "PERMISSION_MISSING" });
    }
    const viewer = await coffer.tokenWithRole(Role.VIEWER);
    expect(await akuaFailure(coffer, path, { json: tokenOf("good"), token: viewer })).toMatchObject({ status: 403 });
    expect(services.calls.length).toBe(before);
    const token = await coffer.tokenWithRole(Role.OPERATOR, ["secrets:write"]);
    expect((await send(tokenOf("good"), { token })).status).toBe(200);
  });
});

describe("says neither yes nor no", () => {
  it.each(["500", "429", "redirect", "cut"])("when the provider does not: %s", async (value) => {
    const failure = await akuaFailure(coffer, path, { json: tokenOf(`canary-${value}`) });
    expect(failure).toMatchObject({ status: 503, reason: "PROVIDER_UNAVAILABLE" });
    expect(failure.text).not.toContain("canary");
  });

  it("where validation is switched off", async () => {
    const off = await startCoffer({ besides: coffer });
    const failure = await akuaFailure(off, path, { json: tokenOf("good") });
    expect(failure).toMatchObject({ status: 400, reason: "VALIDATION_OFF" });
    await off.close();
  });
});
