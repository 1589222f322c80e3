// Tokens and workspaces beyond the one that a test's coffer begins with.
import { prepareToken } from "../../src/steps/tokens/issue.ts";
import type { TestCoffer } from "./coffer.ts";
import { present } from "./secrets.ts";

/** A token that reaches every workspace of the owner: the first of its sort, which no call makes. */
export async function issueBroadToken(coffer: TestCoffer, scopes: string[] = []): Promise<string> {
  const { principalId } = await coffer.clients().tokens.whoAmI({});
  const plan = { principalId, workspaceId: undefined, displayName: "broad", scopes, expireTime: undefined };
  const token = prepareToken(coffer.deps, plan);
  await coffer.deps.database.transaction((tx) => token.store(tx));
  return token.text;
}

/** A second workspace, with a token that reaches only it. */
export async function otherWorkspace(coffer: TestCoffer): Promise<{ workspaceId: string; ownerToken: string }> {
  const created = await coffer.clients().workspaces.createWorkspace({ displayName: "another" });
  return { workspaceId: present(created.workspace).id, ownerToken: created.ownerToken };
}
