// WorkspaceService, on the real servers.
import { create } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { EgressUnmatched, type UpdateWorkspaceRequestSchema } from "../../../gen/coffer/v1/workspace_service_pb.ts";
import { issueBroadToken, otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid, staleEtag } from "../../support/errors.ts";
import { createSecret, type Init, present } from "../../support/secrets.ts";

const coffer = useCoffer({ env: { COFFER_REGIONS: "default,eu-1" } });
const days = (count: number, nanos = 0) => create(DurationSchema, { seconds: BigInt(count * 86_400), nanos });

type Update = Init<typeof UpdateWorkspaceRequestSchema>;

describe("succeeds", () => {
  it("creates a workspace whose owner the caller is, with a key in every region and a token of its own", async () => {
    const me = await coffer.clients().tokens.whoAmI({});
    const { workspace, ownerToken } = await coffer.clients().workspaces.createWorkspace({ displayName: "team" });
    expect(workspace).toMatchObject({ displayName: "team", purgeRetention: days(30), etag: "1" });
    expect(workspace?.id).toMatch(/^ws_[0-9a-z]{26}$/);
    expect(await coffer.clients(ownerToken).tokens.whoAmI({})).toMatchObject({
      principalId: me.principalId,
      workspaceId: workspace?.id,
      role: Role.OWNER,
    });
    for (const region of ["default", "eu-1"]) {
      const secret = await createSecret(coffer, { region }, ownerToken);
      expect(secret).toMatchObject({ workspaceId: workspace?.id, region });
    }
  });

  it("gives the new workspace's token no more than the scopes of the one that made it", async () => {
    const narrow = await coffer.tokenWithRole(Role.OWNER, ["workspace.create", "secrets.read"]);
    const { ownerToken } = await coffer.clients(narrow).workspaces.createWorkspace({ displayName: "narrow" });
    const { role, permissions } = await coffer.clients(ownerToken).tokens.whoAmI({});
    expect({ role, permissions }).toEqual({ role: Role.OWNER, permissions: ["secrets.read", "workspace.create"] });
  });

  it("shows the workspace of the token, and lists all that the token reaches", async () => {
    const { workspaceId, ownerToken } = await otherWorkspace(coffer);
    const own = present((await coffer.clients().workspaces.getWorkspace({})).workspace);
    const { workspaces } = coffer.clients(ownerToken);
    expect((await workspaces.getWorkspace({})).workspace?.id).toBe(workspaceId);
    expect((await workspaces.getWorkspace({ workspaceId })).workspace?.id).toBe(workspaceId);
    expect((await workspaces.listWorkspaces({})).workspaces.map(({ id }) => id)).toEqual([workspaceId]);
    const all = await coffer.clients(await issueBroadToken(coffer)).workspaces.listWorkspaces({});
    const ids = all.workspaces.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining([own.id, workspaceId]));
    expect(ids).toEqual([...ids].sort());
  });

  it("lists nothing that the token may not read", async () => {
    const token = await coffer.tokenWithRole(Role.OWNER, ["secrets.read"]);
    expect((await coffer.clients(token).workspaces.listWorkspaces({})).workspaces).toEqual([]);
  });

  it("changes what the mask names, or every field that is set", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const { workspaces } = coffer.clients(ownerToken);
    const update = async (request: Update) => present((await workspaces.updateWorkspace(request)).workspace);
    const first = await update({ workspace: { displayName: "renamed", purgeRetention: days(90) } });
    expect(first).toMatchObject({ displayName: "renamed", purgeRetention: days(90), etag: "2" });
    const updateMask = { paths: ["purge_retention"] };
    const second = await update({ workspace: { displayName: "no", purgeRetention: days(0), etag: '"2"' }, updateMask });
    expect(second).toMatchObject({ displayName: "renamed", purgeRetention: days(0), etag: "3" });
    expect(await update({ workspace: { etag: "3" }, updateMask })).toMatchObject({ purgeRetention: days(30) });
  });

  it("denies sandboxes hosts that no secret is for, until it is told to allow them, and again", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const { workspaces } = coffer.clients(ownerToken);
    const shown = async () => present((await workspaces.getWorkspace({})).workspace).egressUnmatched;
    expect(await shown()).toBe(EgressUnmatched.DENY);
    await workspaces.updateWorkspace({ workspace: { egressUnmatched: EgressUnmatched.ALLOW } });
    await workspaces.updateWorkspace({ workspace: { displayName: "still allowed" } });
    expect(await shown()).toBe(EgressUnmatched.ALLOW);
    await workspaces.updateWorkspace({ workspace: {}, updateMask: { paths: ["egress_unmatched"] } });
    expect(await shown()).toBe(EgressUnmatched.DENY);
  });
});

describe("the id of the workspace in a change", () => {
  it("names the workspace to change, also with a token that reaches several", async () => {
    const { workspaceId } = await otherWorkspace(coffer);
    const workspaceIds = [workspaceId, present((await coffer.clients().workspaces.getWorkspace({})).workspace).id];
    const { workspaces } = coffer.clients(await issueBroadToken(coffer));
    for (const id of workspaceIds) {
      const changed = await workspaces.updateWorkspace({ workspace: { id, displayName: `named ${id}` } });
      expect(changed.workspace).toMatchObject({ id, displayName: `named ${id}` });
    }
    const shown = (await workspaces.listWorkspaces({})).workspaces.filter(({ id }) => workspaceIds.includes(id));
    expect(shown.map(({ id, displayName }) => displayName === `named ${id}`)).toEqual([true, true]);
  });

  it("changes nothing when the token does not reach it, or when workspace_id names another", async () => {
    const { workspaceId: other } = await otherWorkspace(coffer);
    const { workspaces } = coffer.clients();
    const before = await workspaces.getWorkspace({});
    await expectError(workspaces.updateWorkspace({ workspace: { id: other, displayName: "mine" } }), {
      reason: "WORKSPACE_NOT_REACHED",
      metadata: { workspace_id: other },
    });
    const workspaceId = present(before.workspace).id;
    const change = { workspaceId, workspace: { id: other, displayName: "mine" } };
    await expectError(workspaces.updateWorkspace(change), invalid("workspace.id"));
    expect(await workspaces.getWorkspace({})).toEqual(before);
  });
});

describe("rejects", () => {
  it.each([
    ["display_name", { displayName: "" }],
    ["display_name", { displayName: "x".repeat(201) }],
    ["display_name", { displayName: "\u0000" }],
    ["purge_retention", { displayName: "w", purgeRetention: days(91) }],
    ["purge_retention", { displayName: "w", purgeRetention: days(-1) }],
    ["purge_retention", { displayName: "w", purgeRetention: days(1.5) }],
    ["purge_retention", { displayName: "w", purgeRetention: days(1, 1) }],
  ])("%s that breaks its rule in a new workspace: case %#", async (field, request) => {
    await expectError(coffer.clients().workspaces.createWorkspace(request), invalid(field));
  });

  it.each<[string, Update]>([
    ["workspace", {}],
    ["workspace.display_name", { workspace: { displayName: "x".repeat(201) } }],
    ["workspace.display_name", { workspace: {}, updateMask: { paths: ["display_name"] } }],
    ["workspace.purge_retention", { workspace: { purgeRetention: days(91) } }],
    ["workspace.purge_retention", { workspace: { purgeRetention: days(0.5) } }],
    ["workspace.egress_unmatched", { workspace: { egressUnmatched: 3 as EgressUnmatched } }],
    ["workspace.etag", { workspace: { etag: "x".repeat(257) } }],
    ["update_mask", { workspace: { displayName: "w" }, updateMask: { paths: ["id"] } }],
    ["update_mask", { workspace: { displayName: "w" }, updateMask: { paths: ["display_name", "nonsense"] } }],
  ])("%s that breaks its rule in a change: case %#", async (field, request) => {
    const before = await coffer.clients().workspaces.getWorkspace({});
    await expectError(coffer.clients().workspaces.updateWorkspace(request), invalid(field));
    expect(await coffer.clients().workspaces.getWorkspace({})).toEqual(before);
  });
});

describe("denies", () => {
  it("a workspace that the token does not reach, whether it exists or not", async () => {
    const { workspaceId } = await otherWorkspace(coffer);
    for (const id of [workspaceId, "ws_unknown"]) {
      const notReached = { reason: "WORKSPACE_NOT_REACHED", metadata: { workspace_id: id } };
      await expectError(coffer.clients().workspaces.getWorkspace({ workspaceId: id }), {
        code: "PermissionDenied",
        message: "the credential does not reach this workspace",
        ...notReached,
      });
      const change = { workspaceId: id, workspace: { displayName: "mine" } };
      await expectError(coffer.clients().workspaces.updateWorkspace(change), notReached);
    }
  });

  it("an operator to change the workspace, and an admin to make one", async () => {
    const operator = coffer.clients(await coffer.tokenWithRole(Role.OPERATOR)).workspaces;
    await expectError(operator.updateWorkspace({ workspace: { displayName: "mine" } }), denied("workspace.update"));
    const admin = coffer.clients(await coffer.tokenWithRole(Role.ADMIN)).workspaces;
    await expectError(admin.createWorkspace({ displayName: "mine" }), denied("workspace.create"));
  });
});

describe("conflicts", () => {
  it("with a stale etag, and says the current one", async () => {
    const { etag } = present((await coffer.clients().workspaces.getWorkspace({})).workspace);
    const workspace = { displayName: "w", etag: "stale" };
    await expectError(coffer.clients().workspaces.updateWorkspace({ workspace }), staleEtag(etag));
  });
});
