// ListTokens: the tokens that reach a workspace, newest first.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import type { ApiToken } from "../../domain/workspace.ts";
import { listTokens as readTokens } from "../../store/api-tokens.ts";
import { authorize } from "../authorize.ts";
import { pageSizeOf, readPage, readPageToken } from "../page-token.ts";

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
