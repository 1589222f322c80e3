// RotateToken, on the real servers.
import { create } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { type CreateTokenRequestSchema, Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { issueBroadToken, otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid, staleEtag, unauthenticated } from "../../support/errors.ts";
import { twice } from "../../support/replay.ts";
import { type Init, present } from "../../support/secrets.ts";

const coffer = useCoffer();
const tokenNotFound = { code: "NotFound", reason: "TOKEN_NOT_FOUND", metadata: {} };
const notActive = { code: "FailedPrecondition", reason: "TOKEN_NOT_ACTIVE" };
const exceeds = (permission: string) => ({
  code: "PermissionDenied",
  reason: "GRANT_EXCEEDS_CALLER",
  metadata: { permission },
});

const whoAmI = (token: string, workspaceId = "") => coffer.clients(token).tokens.whoAmI({ workspaceId });
const rotate = (id: string, caller?: string, workspaceId = "") =>
  coffer.clients(caller).tokens.rotateToken({ id, workspaceId });
const ttl = (seconds: bigint) => ({ case: "ttl", value: create(DurationSchema, { seconds }) }) as const;

async function newToken(request: Init<typeof CreateTokenRequestSchema> = {}, caller?: string) {
  const { apiToken, token } = await coffer.clients(caller).tokens.createToken({ displayName: "t", ...request });
  return { ...present(apiToken), text: token };
}

describe("succeeds", () => {
  it("with another text for the same token, whose old text ends at once", async () => {
    const before = await newToken({ role: Role.OPERATOR, scopes: ["secrets.*"], expiration: ttl(3600n) });
    const seen = await whoAmI(before.text);
    const { apiToken, token } = await rotate(before.id);
    expect(token).toMatch(/^sk_coffer_[0-9A-Za-z]{10}_[0-9A-Za-z]{33}$/);
    expect(token.slice(10)).not.toContain(before.text.slice(10, 20));
    await expectError(whoAmI(before.text), unauthenticated);
    expect(await whoAmI(token)).toEqual(seen);
    const { id, principalId, workspaceId, displayName, scopes, createTime, expireTime } = before;
    expect(apiToken).toMatchObject({ id, principalId, workspaceId, displayName, scopes, createTime, expireTime });
    expect(apiToken).toMatchObject({ prefix: token.slice(0, 20), etag: "2" });
  });

  it("for a token itself, without any permission", async () => {
    const { id, text } = await newToken({ role: Role.VIEWER });
    const { token } = await rotate(id, text);
    await expectError(rotate(id, text), unauthenticated);
    expect((await whoAmI(token)).tokenId).toBe(id);
    expect((await rotate(id, token)).apiToken?.etag).toBe("3");
  });

  it("stores and logs no part of the new secret, and is audited", async () => {
    const { id } = await newToken({ role: Role.VIEWER });
    const { token } = await rotate(id);
    const secret = token.slice(21);
    const rows = await coffer.sql(
      "select t::text as text from api_token t union all select a::text from audit_event a",
    );
    expect(JSON.stringify(rows)).toContain(token.slice(10, 20));
    expect(JSON.stringify(rows)).not.toContain(secret);
    expect(coffer.logLines.join("\n")).not.toContain(secret);
    const events = await coffer.sql(
      "select method, decision, result from audit_event where resource_id = $1 order by event_id desc limit 1",
      [id],
    );
    expect(events).toEqual([{ method: "coffer.v1.TokenService/RotateToken", decision: "ALLOW", result: "OK" }]);
  });

  it("for a token of every workspace, by one that is such too, audited in each of them", async () => {
    const { workspaceId } = await coffer.clients().tokens.whoAmI({});
    const other = await otherWorkspace(coffer);
    const broad = await issueBroadToken(coffer);
    const { id, text } = await newToken({ role: Role.VIEWER, everyWorkspace: true, workspaceId }, broad);
    const { token } = await rotate(id, broad, other.workspaceId);
    await expectError(whoAmI(text, workspaceId), unauthenticated);
    expect((await whoAmI(token, workspaceId)).tokenId).toBe(id);
    const events = await coffer.sql(
      "select workspace_id from audit_event where resource_id = $1 and method like '%RotateToken'",
      [id],
    );
    expect(events.map((event) => event["workspace_id"])).toEqual(
      expect.arrayContaining([workspaceId, other.workspaceId]),
    );
  });
});

describe("rejects", () => {
  it.each(["", "x".repeat(65), "tok_\u0000"])("an id that breaks the rule: %j", async (id) => {
    await expectError(rotate(id), invalid("id"));
  });

  it("an etag that is too long", async () => {
    const { id } = await newToken();
    await expectError(coffer.clients().tokens.rotateToken({ id, etag: "x".repeat(257) }), invalid("etag"));
  });

  it("tokens that are unknown or of another workspace, with one and the same answer", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const { tokenId } = await whoAmI(ownerToken);
    for (const id of [tokenId, "tok_unknown"]) await expectError(rotate(id), tokenNotFound);
    expect((await whoAmI(ownerToken)).tokenId).toBe(tokenId);
  });

  it("a revoked token and an expired one: they stay so", async () => {
    const revoked = await newToken();
    await coffer.clients().tokens.revokeToken({ id: revoked.id });
    await expectError(rotate(revoked.id), notActive);
    const expired = await newToken({ expiration: ttl(1n) });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await expectError(rotate(expired.id), notActive);
  });
});

describe("denies", () => {
  it("no token, and who lacks the permission, before it says whether the token exists", async () => {
    const operator = await coffer.tokenWithRole(Role.OPERATOR);
    const { id } = await newToken();
    for (const each of [id, "tok_unknown"]) await expectError(rotate(each, operator), denied("tokens.rotate"));
    const response = await coffer.fetch("/coffer.v1.TokenService/RotateToken", { token: null, json: { id } });
    expect(response.status).toBe(401);
  });

  it("who does not hold all that the token may do: the text would be a grant", async () => {
    const admin = await coffer.tokenWithRole(Role.ADMIN);
    const owners = await newToken({ role: Role.OWNER });
    await expectError(rotate(owners.id, admin), exceeds("workspace.create"));
    expect((await whoAmI(owners.text)).tokenId).toBe(owners.id);
    const narrowed = await newToken({ role: Role.OWNER, scopes: ["secrets.read"] });
    expect((await rotate(narrowed.id, admin)).token).not.toBe("");
    // A token of the same principal, but with scopes that the caller lacks.
    const caller = await newToken({ scopes: ["tokens.rotate", "secrets.read"] });
    const wide = await newToken({ scopes: ["secrets.*"] });
    await expectError(rotate(wide.id, caller.text), exceeds("secrets.list"));
  });

  it("who ends before the token does", async () => {
    const caller = await newToken({ expiration: ttl(60n) });
    const forEver = await newToken();
    const longer = await newToken({ expiration: ttl(120n) });
    for (const { id } of [forEver, longer]) await expectError(rotate(id, caller.text), exceeds("expire_time"));
    const shorter = await newToken({ expiration: ttl(30n) });
    expect((await rotate(shorter.id, caller.text)).token).not.toBe("");
  });

  it("a token of one workspace to rotate one of every workspace, its own principal's too", async () => {
    const broad = await issueBroadToken(coffer);
    const { workspaceId } = await coffer.clients().tokens.whoAmI({});
    const { tokenId } = await whoAmI(broad, workspaceId);
    await expectError(rotate(tokenId), exceeds("every_workspace"));
    expect((await whoAmI(broad, workspaceId)).tokenId).toBe(tokenId);
  });

  it("an owner of one workspace to revoke a service's token of several", async () => {
    const { workspaceId } = await coffer.clients().tokens.whoAmI({});
    const other = await otherWorkspace(coffer);
    const broad = await issueBroadToken(coffer);
    const { id, text } = await newToken({ role: Role.VIEWER, everyWorkspace: true, workspaceId }, broad);
    await expectError(coffer.clients(other.ownerToken).tokens.revokeToken({ id }), denied("tokens.revoke"));
    expect((await whoAmI(text, workspaceId)).tokenId).toBe(id);
    await coffer.clients(broad).tokens.revokeToken({ id, workspaceId });
    await expectError(whoAmI(text, workspaceId), unauthenticated);
  });
});

describe("conflicts", () => {
  it("a stale etag changes nothing; the current one rotates or revokes", async () => {
    const { id, etag, text } = await newToken({ role: Role.VIEWER });
    const { tokens } = coffer.clients();
    await expectError(tokens.rotateToken({ id, etag: "7" }), staleEtag("1"));
    await expectError(tokens.revokeToken({ id, etag: "7" }), staleEtag("1"));
    expect((await whoAmI(text)).tokenId).toBe(id);
    expect((await tokens.rotateToken({ id, etag })).apiToken?.etag).toBe("2");
    await expectError(tokens.rotateToken({ id, etag }), staleEtag("2"));
    expect((await tokens.revokeToken({ id, etag: "2" })).apiToken?.etag).toBe("3");
  });

  it("of twenty rotations with one etag, one wins, and its text is the one that works", async () => {
    const { id, etag } = await newToken({ role: Role.VIEWER });
    const { tokens } = coffer.clients();
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => tokens.rotateToken({ id, etag })));
    const won = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value.token] : []));
    expect(won).toHaveLength(1);
    expect((await whoAmI(present(won[0]))).tokenId).toBe(id);
  });
});

describe("replays", () => {
  it("without the text, and without rotating again", async () => {
    const { id } = await newToken({ role: Role.VIEWER });
    const { tokens } = coffer.clients();
    const { first, second } = await twice("rotate once", (options) => tokens.rotateToken({ id, etag: "1" }, options));
    expect(first.answer.token).not.toBe("");
    expect(second).toEqual({ replayed: true, answer: { ...first.answer, token: "" } });
    expect((await whoAmI(first.answer.token)).tokenId).toBe(id);
    await expectError(tokens.rotateToken({ id: "tok_other" }, { headers: { "idempotency-key": "rotate once" } }), {
      reason: "IDEMPOTENCY_KEY_REUSED",
    });
  });
});
