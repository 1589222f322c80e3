// ListTokens: the tokens that reach a workspace, newest first.

import type { Caller } from "../../domain/workspace/caller.ts";
import type { ApiToken } from "../../domain/workspace/workspace.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { pageSizeOf, readPage, readPageToken } from "../../steps/page-token.ts";
import { listTokens as readTokens } from "../../store/api-tokens.ts";

// Sorts after every id.
const aboveEveryId = "tok_~";

export async function listTokens(
  deps: Pick<Deps, "database">,
  caller: Caller,
  input: { pageSize: number; pageToken: string },
): Promise<{ items: ApiToken[]; nextPageToken: string }> {
  const { workspaceId } = authorize(caller, "tokens.list");
  const query = { list: "tokens", workspaceId };
  return readPage({
    pageSize: pageSizeOf(input.pageSize),
    query,
    position: readPageToken(query, input.pageToken, 1),
    positionOf: (last) => [last.tokenId],
    read: ([belowId = aboveEveryId] = [], limit) => readTokens(deps.database, workspaceId, belowId, limit),
  });
}
