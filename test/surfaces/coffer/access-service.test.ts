// The calls of AccessService, on the real servers. access-rules.test.ts tests the effect of rules.
import type { CallOptions } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { allow, createRule, newMember, type RuleInit, unknownRuleId } from "../../support/access.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid, unauthenticated } from "../../support/errors.ts";
import { twice, withKey } from "../../support/replay.ts";
import { present, timeOf } from "../../support/secrets.ts";

const coffer = useCoffer({ env: { COFFER_REGIONS: "default,eu-1" } });
const forRole = { subject: { case: "role", value: Role.MEMBER as Role } } as const;
const readable: RuleInit = { ...forRole, permissions: ["secrets.read"] };
const notFound = {
  code: "NotFound",
  reason: "ACCESS_RULE_NOT_FOUND",
  metadata: {},
  message: "there is no such access rule",
};
const countRules = async () => (await coffer.sql("select count(*)::int as count from access_rule"))[0]?.["count"];

describe("succeeds", () => {
  it("creates a rule as it was asked for, and lists it", async () => {
    const init = {
      ...forRole,
      permissions: ["secrets.*", "versions.access", "secrets:ReadAccess", "*"],
      pathPatterns: ["/a/*", "/b/**", "/d-*/e"],
      region: "eu-1",
      note: "for the tests",
    };
    const rule = await createRule(coffer, init);
    expect(rule).toMatchObject(init);
    expect(rule.id).toMatch(/^acr_[0-9a-z]{26}$/);
    expect(rule.workspaceId).toBe((await coffer.clients().tokens.whoAmI({})).workspaceId);
    expect(Math.abs(timeOf(rule.createTime) - Date.now())).toBeLessThan(60_000);
    const { accessRules } = await coffer.clients().access.listAccessRules({ pageSize: 1000 });
    expect(accessRules).toContainEqual(rule);
  });

  it("lists pages by id, of all or of one subject", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const { access } = coffer.clients(ownerToken);
    const one = { case: "principalId", value: "prn_one" } as const;
    const made = [];
    for (const subject of [one, forRole.subject, one]) {
      made.push((await createRule(coffer, { subject, permissions: ["secrets.read"] }, ownerToken)).id);
    }
    const first = await access.listAccessRules({ pageSize: 2 });
    expect(first.accessRules.map(({ id }) => id)).toEqual(made.slice(0, 2));
    const rest = await access.listAccessRules({ pageSize: 2, pageToken: first.nextPageToken });
    expect(rest.accessRules.map(({ id }) => id)).toEqual(made.slice(2));
    expect(rest.nextPageToken).toBe("");
    const idsOf = async (request: object) => (await access.listAccessRules(request)).accessRules.map(({ id }) => id);
    expect(await idsOf({ subject: one })).toEqual([made[0], made[2]]);
    expect(await idsOf(forRole)).toEqual([made[1]]);
    expect(await idsOf({ subject: { case: "role", value: Role.VIEWER } })).toEqual([]);
    const wrong = access.listAccessRules({ subject: one, pageSize: 2, pageToken: first.nextPageToken });
    await expectError(wrong, invalid("page_token"));
  });

  it("deletes a rule, and audits both", async () => {
    const { id } = await createRule(coffer, readable);
    expect(await coffer.clients().access.deleteAccessRule({ id })).toMatchObject({});
    const { auditEvents } = await coffer.clients().audit.listAuditEvents({ resourceId: id });
    expect(auditEvents.map(({ method, resourceType }) => `${resourceType} ${method}`).sort()).toEqual([
      "access_rule coffer.v1.AccessService/CreateAccessRule",
      "access_rule coffer.v1.AccessService/DeleteAccessRule",
    ]);
  });

  it("tells which permissions the caller holds at a path, by role and by rules", async () => {
    const viewer = await newMember(coffer, [], Role.VIEWER);
    await allow(coffer, viewer, ["versions.*"], ["/t/*"]);
    const { access } = coffer.clients(viewer.token);
    const permissions = ["versions.access", "secrets.read", "secrets.update", "keys.read", "access.list"];
    const held = async (path: string) => (await access.testPermissions({ permissions, path })).permissions;
    expect(await held("/t/x")).toEqual(["versions.access", "secrets.read", "keys.read"]);
    expect(await held("t/x")).toEqual(["versions.access", "secrets.read", "keys.read"]);
    expect(await held("/u/x")).toEqual(["secrets.read", "keys.read"]);
    expect(await held("")).toEqual(["secrets.read", "keys.read"]);
    expect((await coffer.clients().access.testPermissions({ permissions })).permissions).toEqual(permissions);
  });
});

describe("rejects", () => {
  const many = Array.from({ length: 65 }, (_, index) => `/p-${index}`);
  it.each<[string[], RuleInit]>([
    [["subject"], { permissions: ["secrets.read"] }],
    [["role"], { ...readable, subject: { case: "role", value: Role.UNSPECIFIED } }],
    [["role"], { ...readable, subject: { case: "role", value: 99 as Role } }],
    [["principal_id"], { ...readable, subject: { case: "principalId", value: "" } }],
    [["principal_id"], { ...readable, subject: { case: "principalId", value: "tok_x" } }],
    [["permissions"], { ...forRole, permissions: [] }],
    [["permissions"], { ...forRole, permissions: ["secrets.read", "secrets.read"] }],
    [["permissions[0]"], { ...forRole, permissions: ["secrets.fly"] }],
    [["permissions[0]", "permissions[2]"], { ...forRole, permissions: ["keys.read", "secrets.read", "access.*"] }],
    [["path_patterns"], { ...readable, pathPatterns: many }],
    [["path_patterns"], { ...readable, pathPatterns: ["/a", "/a"] }],
    [["path_patterns[0]"], { ...readable, pathPatterns: [`/${"x".repeat(512)}`] }],
    [
      ["path_patterns[0]", "path_patterns[2]", "path_patterns[3]"],
      { ...readable, pathPatterns: ["a/*", "/a/*", "/a//b", "/a/x**"] },
    ],
    [["region"], { ...readable, region: "mars" }],
    [
      ["permissions[0]", "path_patterns[0]", "region"],
      { ...forRole, permissions: ["x"], pathPatterns: ["x"], region: "x" },
    ],
    [["note"], { ...readable, note: "x".repeat(2_001) }],
  ])("%j in a new rule, and writes nothing: case %#", async (fields, init) => {
    const before = await countRules();
    await expectError(createRule(coffer, init), invalid(...fields));
    expect(await countRules()).toBe(before);
  });

  it("takes each limit at its edge", async () => {
    const pathPatterns = [`/${"x".repeat(511)}`, ...many.slice(2)];
    const rule = await createRule(coffer, { ...readable, pathPatterns, note: "x".repeat(2_000) });
    expect(rule.pathPatterns).toEqual(pathPatterns);
  });

  it.each([
    [["permissions"], { permissions: [] }],
    [["permissions[0]", "permissions[1]"], { permissions: ["secrets.*", "secrets:read"] }],
    [["path"], { permissions: ["secrets.read"], path: "/a//b" }],
    [["region"], { permissions: ["secrets.read"], path: "/a", region: "mars" }],
  ])("%j of TestPermissions", async (fields, request) => {
    await expectError(coffer.clients().access.testPermissions(request), invalid(...fields));
  });

  it("one rule more than a workspace may have, until another is deleted", async () => {
    const { workspaceId, ownerToken } = await otherWorkspace(coffer);
    const { id } = await createRule(coffer, readable, ownerToken);
    await coffer.sql(
      `insert into access_rule (workspace_id, rule_id, role, permissions, path_patterns, note, mac)
        select $1, 'acr_' || i, 'MEMBER', '{secrets.read}', '{}', '', '' from generate_series(1, 9999) i`,
      [workspaceId],
    );
    await expectError(createRule(coffer, readable, ownerToken), {
      code: "ResourceExhausted",
      reason: "ACCESS_RULE_LIMIT",
      metadata: { limit: "10000" },
    });
    await coffer.clients(ownerToken).access.deleteAccessRule({ id });
    expect((await createRule(coffer, readable, ownerToken)).permissions).toEqual(["secrets.read"]);
  });
});

describe("denies", () => {
  it("without a token", async () => {
    const { access } = coffer.clients("sk_coffer_none");
    await expectError(access.createAccessRule(readable), unauthenticated);
    await expectError(access.listAccessRules({}), unauthenticated);
    await expectError(access.deleteAccessRule({ id: unknownRuleId }), unauthenticated);
    await expectError(access.testPermissions({ permissions: ["secrets.read"] }), unauthenticated);
  });

  it("operators, whatever rules allow them", async () => {
    const operator = await newMember(coffer, [], Role.OPERATOR);
    await allow(coffer, operator, ["*"]);
    const { access } = coffer.clients(operator.token);
    await expectError(access.createAccessRule(readable), denied("access.create"));
    await expectError(access.listAccessRules({}), denied("access.list"));
    await expectError(access.deleteAccessRule({ id: unknownRuleId }), denied("access.delete"));
  });

  it("the rules of another workspace as if there were none", async () => {
    const { ownerToken, workspaceId } = await otherWorkspace(coffer);
    const { id } = await createRule(coffer, readable);
    await expectError(coffer.clients(ownerToken).access.deleteAccessRule({ id }), notFound);
    expect((await coffer.clients(ownerToken).access.listAccessRules({})).accessRules).toEqual([]);
    const unreached = { code: "PermissionDenied", reason: "WORKSPACE_NOT_REACHED" };
    await expectError(createRule(coffer, { ...readable, workspaceId }), unreached);
    await coffer.clients().access.deleteAccessRule({ id });
  });

  it("to grant what the caller does not hold, by a rule or by a role that rules add to", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const scopes = ["access.*", "tokens.create", "secrets.read", "secrets.list"];
    const admin = { displayName: "narrowed", role: Role.ADMIN, scopes };
    const { token } = await coffer.clients(ownerToken).tokens.createToken(admin);
    const exceeds = (permission: string) => ({
      code: "PermissionDenied",
      reason: "GRANT_EXCEEDS_CALLER",
      metadata: { permission },
    });
    await createRule(coffer, { ...forRole, permissions: ["secrets:ReadAccess"] }, token);
    const more = createRule(coffer, { ...forRole, permissions: ["secrets.read", "versions.access"] }, token);
    await expectError(more, exceeds("versions.access"));
    const create = (narrower: string[] = []) =>
      coffer.clients(token).tokens.createToken({ displayName: "t", role: Role.MEMBER, scopes: narrower });
    expect((await create()).token).not.toBe("");
    await createRule(coffer, { ...forRole, permissions: ["versions.access"], pathPatterns: ["/x"] }, ownerToken);
    await expectError(create(), exceeds("versions.access"));
    expect((await create(["secrets.read"])).token).not.toBe("");
  });

  it("to rotate the token of a principal that rules allow more than the caller holds", async () => {
    const scopes = ["tokens.rotate", "secrets.read"];
    const narrowed = await newMember(coffer, scopes, Role.ADMIN);
    const { apiToken } = await coffer.clients().tokens.createToken({ displayName: "t", role: Role.MEMBER, scopes });
    const { id, principalId } = present(apiToken);
    const rotate = () => coffer.clients(narrowed.token).tokens.rotateToken({ id });
    expect((await rotate()).token).not.toBe("");
    const other = await coffer.clients().tokens.createToken({ displayName: "t", role: Role.MEMBER });
    const subject = { case: "principalId", value: present(other.apiToken).principalId } as const;
    await createRule(coffer, { subject, permissions: ["versions.access"], pathPatterns: ["/x"] });
    expect(principalId).not.toBe(subject.value);
    const call = coffer.clients(narrowed.token).tokens.rotateToken({ id: present(other.apiToken).id });
    await expectError(call, { code: "PermissionDenied", reason: "GRANT_EXCEEDS_CALLER" });
  });
});

describe("conflicts", () => {
  it("with nothing: equal rules may stand side by side, and what is gone is not found", async () => {
    const [first, second] = [await createRule(coffer, readable), await createRule(coffer, readable)];
    expect(first.id).not.toBe(second.id);
    const { access } = coffer.clients();
    await access.deleteAccessRule({ id: first.id });
    await expectError(access.deleteAccessRule({ id: first.id }), notFound);
    await expectError(access.deleteAccessRule({ id: unknownRuleId }), notFound);
    await access.deleteAccessRule({ id: second.id });
  });
});

describe("replays", () => {
  it("CreateAccessRule: the same rule and no second one, until it is deleted; another request is refused", async () => {
    const { access } = coffer.clients();
    const create = (options: CallOptions) => access.createAccessRule(readable, options);
    const { first, second } = await twice("rule 1", create);
    expect(second).toEqual({ answer: first.answer, replayed: true });
    const other = withKey("rule 1", (options) => access.createAccessRule({ ...readable, note: "other" }, options));
    await expectError(other, { code: "FailedPrecondition", reason: "IDEMPOTENCY_KEY_REUSED" });
    await access.deleteAccessRule({ id: first.answer.accessRule?.id ?? "" });
    await expectError(withKey("rule 1", create), notFound);
  });

  it("DeleteAccessRule: it stays deleted", async () => {
    const { id } = await createRule(coffer, readable);
    const { first, second } = await twice("rule 2", (options) =>
      coffer.clients().access.deleteAccessRule({ id }, options),
    );
    expect([first.replayed, second.replayed]).toEqual([false, true]);
  });
});
