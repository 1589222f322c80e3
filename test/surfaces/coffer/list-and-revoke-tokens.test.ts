// ListTokens, RevokeToken and WhoAmI, on the real servers.
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { issueBroadToken, otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid, unauthenticated } from "../../support/errors.ts";
import { present } from "../../support/secrets.ts";

const coffer = useCoffer();
const tokenNotFound = { code: "NotFound", reason: "TOKEN_NOT_FOUND", metadata: {} };

async function newToken(role: Role, caller?: string) {
  const { apiToken, token } = await coffer.clients(caller).tokens.createToken({ displayName: "t", role });
  return { id: present(apiToken).id, token };
}

describe("succeeds", () => {
  it("lists the tokens of the workspace, newest first, revoked and expired ones too, and none of another", async () => {
    const { ownerToken, workspaceId } = await otherWorkspace(coffer);
    const { tokens } = coffer.clients(ownerToken);
    const ids: string[] = [];
    for (let count = 0; count < 4; count++) ids.unshift((await newToken(Role.VIEWER, ownerToken)).id);
    await tokens.revokeToken({ id: ids[1] as string });
    await coffer.sql("update api_token set expire_time = now() - interval '1 day' where token_id = $1", [ids[2]]);
    const own = (await tokens.whoAmI({})).tokenId;
    const { apiTokens, nextPageToken } = await tokens.listTokens({});
    expect(apiTokens.map(({ id }) => id)).toEqual([...ids, own]);
    expect(apiTokens.map(({ revokeTime }) => revokeTime !== undefined)).toEqual([false, true, false, false, false]);
    expect(new Set(apiTokens.map((token) => token.workspaceId))).toEqual(new Set([workspaceId]));
    expect(nextPageToken).toBe("");
    const here = await coffer.clients().tokens.listTokens({});
    expect(here.apiTokens.map(({ id }) => id)).not.toContain(own);
  });

  it("lists tokens that reach the workspace among others", async () => {
    const broad = await issueBroadToken(coffer);
    const { workspaceId } = await coffer.clients().tokens.whoAmI({});
    const { tokenId } = await coffer.clients(broad).tokens.whoAmI({ workspaceId });
    const { apiTokens } = await coffer.clients().tokens.listTokens({});
    expect(apiTokens.find(({ id }) => id === tokenId)).toMatchObject({ displayName: "broad", workspaceId: "" });
  });

  it.each([1, 2, 5, 6])("misses and repeats nothing in pages of %i", async (pageSize) => {
    const { ownerToken } = await otherWorkspace(coffer);
    for (let count = 0; count < 4; count++) await newToken(Role.VIEWER, ownerToken);
    const { tokens } = coffer.clients(ownerToken);
    const all = (await tokens.listTokens({})).apiTokens.map(({ id }) => id);
    const found: string[] = [];
    let pageToken = "";
    do {
      const page = await tokens.listTokens({ pageSize, pageToken });
      expect(page.apiTokens.length).toBeLessThanOrEqual(pageSize);
      found.push(...page.apiTokens.map(({ id }) => id));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(found).toEqual(all);
    expect(found.length).toBeGreaterThanOrEqual(5);
  });

  it("revokes at once, and a token its own without any permission", async () => {
    const { id, token } = await newToken(Role.VIEWER);
    const { apiToken } = await coffer.clients(token).tokens.revokeToken({ id });
    expect(apiToken?.revokeTime).toBeDefined();
    await expectError(coffer.clients(token).tokens.whoAmI({}), unauthenticated);
  });

  it("says who is calling, in every role", async () => {
    for (const role of [Role.VIEWER, Role.OPERATOR, Role.ADMIN, Role.OWNER]) {
      const { id, token } = await newToken(role);
      const answer = await coffer.clients(token).tokens.whoAmI({});
      expect(answer).toMatchObject({ tokenId: id, role });
      expect(answer.permissions).toEqual([...answer.permissions].sort());
    }
  });
});

describe("rejects", () => {
  it("page sizes beyond 1000, and page tokens of another list", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    await newToken(Role.VIEWER);
    const { nextPageToken: pageToken } = await coffer.clients().tokens.listTokens({ pageSize: 1 });
    expect(pageToken).not.toBe("");
    await expectError(coffer.clients().tokens.listTokens({ pageSize: 1001 }), invalid("page_size"));
    await expectError(coffer.clients().tokens.listTokens({ pageToken: "x" }), invalid("page_token"));
    await expectError(coffer.clients(ownerToken).tokens.listTokens({ pageToken }), invalid("page_token"));
  });

  it("ids that break the rule", async () => {
    for (const id of ["", "x".repeat(65), "tok_\u0000"]) {
      await expectError(coffer.clients().tokens.revokeToken({ id }), invalid("id"));
    }
  });

  it("tokens that are unknown or of another workspace, with one and the same answer", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    const { tokenId } = await coffer.clients(ownerToken).tokens.whoAmI({});
    for (const id of [tokenId, "tok_unknown"]) {
      await expectError(coffer.clients().tokens.revokeToken({ id }), tokenNotFound);
    }
    expect((await coffer.clients(ownerToken).tokens.whoAmI({})).tokenId).toBe(tokenId);
  });
});

describe("denies", () => {
  it("an operator to list tokens, and to revoke others' before it says whether they exist", async () => {
    const { token } = await newToken(Role.OPERATOR);
    const { id } = await newToken(Role.VIEWER);
    await expectError(coffer.clients(token).tokens.listTokens({}), denied("tokens.list"));
    for (const each of [id, "tok_unknown"]) {
      await expectError(coffer.clients(token).tokens.revokeToken({ id: each }), denied("tokens.revoke"));
    }
  });
});
