// ListTokens: the tokens of a workspace, newest first.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import type { ApiToken } from "../../domain/workspace.ts";
import { listTokens as readTokens } from "../../store/api-tokens.ts";
import { authorize } from "../authorize.ts";
import { pageOf, pageSizeOf, readPageToken } from "../page-token.ts";

// Sorts after every id.
const aboveEveryId = "tok_~";

export async function listTokens(
  deps: Pick<Deps, "database">,
  caller: Caller,
  input: { pageSize: number; pageToken: string },
): Promise<{ items: ApiToken[]; nextPageToken: string }> {
  const { workspaceId } = authorize(caller, "tokens.list");
  const owner = { workspaceId, principalId: caller.principalId };
  const [belowId = aboveEveryId] = readPageToken(owner, input.pageToken, 1) ?? [];
  const pageSize = pageSizeOf(input.pageSize);
  const tokens = await readTokens(deps.database, owner, belowId, pageSize + 1);
  return pageOf(tokens, pageSize, owner, (last) => [last.tokenId]);
}
