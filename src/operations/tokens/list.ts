// ListTokens: the tokens that reach a workspace, newest first.
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
  const query = { list: "tokens", workspaceId };
  const [belowId = aboveEveryId] = readPageToken(query, input.pageToken, 1) ?? [];
  const pageSize = pageSizeOf(input.pageSize);
  const tokens = await readTokens(deps.database, workspaceId, belowId, pageSize + 1);
  return pageOf(tokens, pageSize, query, (last) => [last.tokenId]);
}
