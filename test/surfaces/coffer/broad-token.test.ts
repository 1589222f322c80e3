// Tokens that reach several workspaces, on the real servers.
import { beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { issueBroadToken, otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, expectErrors } from "../../support/errors.ts";
import { byId, createSecret, data, newName, present, textOf } from "../../support/secrets.ts";

const coffer = useCoffer();
let broad: string;
let home: string;
let away: { workspaceId: string; ownerToken: string };
beforeAll(async () => {
  away = await otherWorkspace(coffer);
  broad = await issueBroadToken(coffer);
  home = (await coffer.clients().tokens.whoAmI({})).workspaceId;
});

const workspaceRequired = {
  code: "InvalidArgument",
  reason: "WORKSPACE_REQUIRED",
  metadata: { field: "workspace_id" },
  fields: ["workspace_id"],
};

describe("succeeds", () => {
  it("in the workspace that the request names, and only there", async () => {
    const { secrets } = coffer.clients(broad);
    const name = newName();
    for (const workspaceId of [home, away.workspaceId]) {
      const { secret } = await secrets.createSecret({ name, value: data(workspaceId), workspaceId });
      const { id } = present(secret);
      expect(secret).toMatchObject({ workspaceId, name });
      expect(textOf(await secrets.getSecretValue({ ...byId(id), workspaceId }))).toBe(workspaceId);
      const elsewhere = workspaceId === home ? away.workspaceId : home;
      await expectError(secrets.getSecret({ ...byId(id), workspaceId: elsewhere }), { reason: "SECRET_NOT_FOUND" });
    }
  });

  it("says its role in the workspace that is named, and none when none is", async () => {
    const { tokens } = coffer.clients(broad);
    expect(await tokens.whoAmI({ workspaceId: home })).toMatchObject({ workspaceId: home, role: Role.OWNER });
    expect(await tokens.whoAmI({})).toMatchObject({ workspaceId: "", role: Role.UNSPECIFIED, permissions: [] });
  });

  it("needs no workspace when there is only one to reach", async () => {
    const { apiToken, token } = await coffer.clients().tokens.createToken({ displayName: "one", role: Role.VIEWER });
    await expectError(coffer.clients(token).secrets.getSecret(byId("a")), { reason: "SECRET_NOT_FOUND" });
    expect(apiToken?.workspaceId).toBe(home);
  });

  it("revokes itself in any workspace it reaches", async () => {
    const token = await issueBroadToken(coffer);
    const { tokens } = coffer.clients(token);
    const { tokenId: id } = await tokens.whoAmI({});
    expect((await tokens.revokeToken({ id, workspaceId: away.workspaceId })).apiToken?.revokeTime).toBeDefined();
    await expectError(tokens.whoAmI({}), { reason: "CREDENTIAL_INVALID" });
  });
});

describe("rejects", () => {
  it("a call that names no workspace, before anything is looked up", async () => {
    const { secrets, tokens, workspaces } = coffer.clients(broad);
    const { id } = await createSecret(coffer);
    const calls = [
      secrets.createSecret({ name: newName(), value: data("v") }),
      secrets.getSecret(byId(id)),
      secrets.listSecrets({}),
      secrets.getSecretValue(byId(id)),
      secrets.deleteSecret(byId(id)),
      tokens.listTokens({}),
      workspaces.getWorkspace({}),
    ];
    expect(await expectErrors(calls, workspaceRequired)).toHaveLength(calls.length);
  });
});

describe("denies", () => {
  it("a workspace that its principal is no member of, whether it exists or not", async () => {
    const stranger = await coffer.tokenWithRole(Role.OWNER);
    const { workspace } = await coffer.clients(stranger).workspaces.createWorkspace({ displayName: "strange" });
    for (const workspaceId of [present(workspace).id, "ws_unknown"]) {
      await expectError(coffer.clients(broad).secrets.listSecrets({ workspaceId }), {
        code: "PermissionDenied",
        reason: "WORKSPACE_NOT_REACHED",
        metadata: { workspace_id: workspaceId },
      });
    }
  });

  it("what its scopes leave out, in every workspace", async () => {
    const narrow = await issueBroadToken(coffer, ["secrets.list"]);
    for (const workspaceId of [home, away.workspaceId]) {
      const { secrets } = coffer.clients(narrow);
      expect((await secrets.listSecrets({ workspaceId })).nextPageToken).toBe("");
      await expectError(secrets.getSecret({ ...byId("a"), workspaceId }), denied("secrets.read"));
    }
  });
});
