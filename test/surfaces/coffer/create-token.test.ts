// CreateToken, on the real servers.
import { create } from "@bufbuild/protobuf";
import { DurationSchema, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { type CreateTokenRequestSchema, Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { coveredOfMember, macOf } from "../../../src/integrity/row-macs.ts";
import { issueBroadToken, otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid } from "../../support/errors.ts";
import { type Init, present, timeOf } from "../../support/secrets.ts";

const coffer = useCoffer();

type Request = Init<typeof CreateTokenRequestSchema>;
const createToken = (request: Request, token?: string) =>
  coffer.clients(token).tokens.createToken({ displayName: "t", ...request });
const ttl = (seconds: bigint, nanos = 0) =>
  ({ case: "ttl", value: create(DurationSchema, { seconds, nanos }) }) as const;
const at = (time: number) => ({ case: "expireTime", value: timestampFromDate(new Date(time)) }) as const;

const exceeds = (permission: string) => ({
  code: "PermissionDenied",
  reason: "GRANT_EXCEEDS_CALLER",
  metadata: { permission },
});

describe("succeeds", () => {
  it("for a new service principal with a role: the token works and says who it is", async () => {
    const { apiToken, token } = await createToken({ displayName: "ci", role: Role.OPERATOR, scopes: ["secrets.*"] });
    const owner = await coffer.clients().tokens.whoAmI({});
    expect(token).toMatch(/^sk_coffer_[0-9A-Za-z]{10}_[0-9A-Za-z]{33}$/);
    expect(apiToken).toMatchObject({
      workspaceId: owner.workspaceId,
      displayName: "ci",
      prefix: token.slice(0, 20),
      scopes: ["secrets.*"],
    });
    expect(apiToken?.id).toMatch(/^tok_[0-9a-z]{26}$/);
    expect(apiToken?.principalId).not.toBe(owner.principalId);
    expect(await coffer.clients(token).tokens.whoAmI({})).toMatchObject({
      principalId: apiToken?.principalId,
      tokenId: apiToken?.id,
      workspaceId: owner.workspaceId,
      role: Role.OPERATOR,
      permissions: [
        "secrets.create",
        "secrets.delete",
        "secrets.list",
        "secrets.read",
        "secrets.undelete",
        "secrets.update",
        "secrets.use",
      ],
    });
  });

  it("for the caller's own principal, with its scopes unless others are given", async () => {
    const owner = await coffer.clients().tokens.whoAmI({});
    const narrow = await createToken({ scopes: ["tokens.create", "secrets.read"] });
    expect(narrow.apiToken?.principalId).toBe(owner.principalId);
    const again = await createToken({}, narrow.token);
    expect(again.apiToken).toMatchObject({ principalId: owner.principalId, scopes: ["tokens.create", "secrets.read"] });
    const narrower = await createToken({ scopes: ["secrets.read"] }, narrow.token);
    expect((await coffer.clients(narrower.token).tokens.whoAmI({})).permissions).toEqual(["secrets.read"]);
  });

  it("with every_workspace for the caller's own principal: also in workspaces that come later", async () => {
    const { workspaceId } = await coffer.clients().tokens.whoAmI({});
    const { apiToken, token } = await createToken({ everyWorkspace: true, workspaceId }, await issueBroadToken(coffer));
    expect(apiToken?.workspaceId).toBe("");
    const other = await otherWorkspace(coffer);
    expect((await coffer.clients(token).tokens.whoAmI({ workspaceId: other.workspaceId })).role).toBe(Role.OWNER);
  });

  it("with every_workspace and a role: a member of each workspace that the caller reaches, audited in each", async () => {
    const { workspaceId } = await coffer.clients().tokens.whoAmI({});
    const other = await otherWorkspace(coffer);
    const request = { everyWorkspace: true, role: Role.VIEWER, workspaceId };
    const { apiToken, token } = await createToken(request, await issueBroadToken(coffer));
    for (const id of [workspaceId, other.workspaceId]) {
      expect(await coffer.clients(token).tokens.whoAmI({ workspaceId: id })).toMatchObject({ role: Role.VIEWER });
      expect(
        await coffer.sql("select 1 as found from audit_event where workspace_id = $1 and resource_id = $2", [
          id,
          apiToken?.id,
        ]),
      ).toEqual([{ found: 1 }]);
    }
    const { apiTokens } = await coffer.clients(other.ownerToken).tokens.listTokens({});
    expect(apiTokens.map(({ id }) => id)).toContain(apiToken?.id);
  });

  it("stores no part of the token's secret", async () => {
    const { token } = await createToken({});
    const rows = await coffer.sql("select t::text as text from api_token t");
    const secret = token.slice(21);
    expect(JSON.stringify(rows)).toContain(token.slice(0, 20));
    expect(JSON.stringify(rows)).not.toContain(secret);
    expect(JSON.stringify(rows)).not.toContain(Buffer.from(secret).toString("hex"));
    expect(coffer.logLines.join("\n")).not.toContain(secret);
  });

  it("with an end, by time or by how long, by the database's clock", async () => {
    const time = Date.now() + 3_600_000;
    expect(timeOf((await createToken({ expiration: at(time) })).apiToken?.expireTime)).toBe(time);
    const { expireTime, createTime } = present((await createToken({ expiration: ttl(60n) })).apiToken);
    expect(Math.abs(timeOf(expireTime) - timeOf(createTime) - 60_000)).toBeLessThan(1_000);
  });
});

describe("rejects", () => {
  const many = Array.from({ length: 65 }, (_, index) => `s${index}`);
  it.each<[string, Request]>([
    ["display_name", { displayName: "" }],
    ["display_name", { displayName: "x".repeat(201) }],
    ["display_name", { displayName: "a\u0000" }],
    ["role", { role: 9 as Role }],
    ["scopes", { scopes: many }],
    ["scopes", { scopes: ["secrets.read", "secrets.read"] }],
    ["scopes[0]", { scopes: ["x".repeat(65)] }],
    ["scopes[1]", { scopes: ["secrets.read", "secrets.fly"] }],
    ["scopes[0]", { scopes: ["unknown.*"] }],
    ["scopes[0]", { scopes: ["secrets.r*"] }],
    ["scopes[0]", { scopes: [".*"] }],
    ["ttl", { expiration: ttl(0n) }],
    ["ttl", { expiration: ttl(-5n) }],
    ["ttl", { expiration: ttl(0n, 1) }],
    ["ttl", { expiration: ttl(31_536_000_001n) }],
    ["expire_time", { expiration: at(Date.now() - 1000) }],
    ["expire_time", { expiration: at(Date.UTC(-3000, 0)) }],
  ])("%s that breaks its rule: case %#", async (field, request) => {
    await expectError(createToken(request), invalid(field));
  });
});

describe("denies", () => {
  it("who lacks the permission", async () => {
    const operator = await coffer.tokenWithRole(Role.OPERATOR);
    await expectError(createToken({}, operator), denied("tokens.create"));
  });

  it("a role or a scope beyond the caller's own, and names what it does not hold", async () => {
    const admin = await coffer.tokenWithRole(Role.ADMIN);
    await expectError(createToken({ role: Role.OWNER }, admin), exceeds("workspace.create"));
    expect((await createToken({ role: Role.ADMIN }, admin)).token).not.toBe("");
    const { token: narrow } = await createToken({ scopes: ["tokens.*", "secrets.read"] });
    await expectError(createToken({ scopes: ["*"] }, narrow), exceeds("secrets.list"));
    await expectError(createToken({ scopes: ["versions.access"] }, narrow), exceeds("versions.access"));
    await expectError(createToken({ role: Role.VIEWER }, narrow), exceeds("secrets.list"));
    expect((await createToken({ role: Role.VIEWER, scopes: ["secrets.read"] }, narrow)).token).not.toBe("");
  });

  it("every_workspace to tokens of one workspace, with a role and without", async () => {
    await expectError(createToken({ everyWorkspace: true }), exceeds("every_workspace"));
    await expectError(createToken({ everyWorkspace: true, role: Role.VIEWER }), exceeds("every_workspace"));
  });

  it("every_workspace with a role to who lacks it, or may make no token, in one of the workspaces", async () => {
    const { workspaceId } = await coffer.clients().tokens.whoAmI({});
    await otherWorkspace(coffer);
    const broad = await issueBroadToken(coffer, ["tokens.create", "secrets.list", "secrets.read"]);
    const request = { everyWorkspace: true, role: Role.VIEWER, workspaceId };
    await expectError(createToken(request, broad), exceeds("versions.read"));
    const narrow = await createToken({ ...request, scopes: ["secrets.read"] }, broad);
    expect((await coffer.clients(narrow.token).tokens.whoAmI({ workspaceId })).permissions).toEqual(["secrets.read"]);
    const principals = await coffer.sql("select count(*)::int as count from principal");
    await expectError(createToken(request, await issueBroadToken(coffer, ["secrets.read"])), denied("tokens.create"));
    expect(await coffer.sql("select count(*)::int as count from principal")).toEqual(principals);
  });

  it("a token for one workspace to reach another one's", async () => {
    const { workspaceId } = await otherWorkspace(coffer);
    await expectError(createToken({ workspaceId }), {
      code: "PermissionDenied",
      reason: "WORKSPACE_NOT_REACHED",
      metadata: { workspace_id: workspaceId },
    });
  });

  it("every_workspace where the token would hold more than the caller's in another workspace", async () => {
    const { workspaceId: owned } = await coffer.clients().tokens.whoAmI({});
    await otherWorkspace(coffer);
    const { principalId } = await coffer.clients().tokens.whoAmI({});
    await demote(principalId, owned);
    // All that an admin has, word by word: in the other workspace the owner has more than that.
    const held = (await coffer.clients().tokens.whoAmI({})).permissions;
    expect(held).not.toContain("workspace.create");
    const broad = await issueBroadToken(coffer, held);
    await expectError(
      createToken({ everyWorkspace: true, scopes: ["*"], workspaceId: owned }, broad),
      exceeds("workspace.create"),
    );
    expect((await createToken({ everyWorkspace: true, workspaceId: owned }, broad)).apiToken?.scopes).toEqual(held);
  });
});

/** Makes the owner of a workspace its admin, as coffer itself would write it. */
async function demote(principalId: string, workspaceId: string): Promise<void> {
  const member = { workspaceId, principalId, role: "ADMIN" } as const;
  const mac = macOf(coffer.deps.deploymentKeys, coveredOfMember(member));
  await coffer.sql(
    "update workspace_member set role = 'ADMIN', mac = $3 where workspace_id = $1 and principal_id = $2",
    [workspaceId, principalId, mac],
  );
  coffer.deps.tokenCache.clear();
}
