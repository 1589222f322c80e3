// ListSandboxes: pages of sandboxes, with what is bound to them.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import { listSandboxes as findPage } from "../../store/sandboxes.ts";
import { authorize, holds } from "../authorize.ts";
import { pageOf, pageSizeOf, readPageToken } from "../page-token.ts";
import { type SandboxView, sandboxViews } from "./sandbox-view.ts";

/** Placeholders are for those who could bind the secrets. Fails with FIELD_INVALID. */
export async function listSandboxes(
  { database }: Pick<Deps, "database">,
  caller: Caller,
  input: { pageSize: number; pageToken: string },
): Promise<{ items: SandboxView[]; nextPageToken: string }> {
  const { workspaceId } = authorize(caller, "egress.read");
  const query = { list: "sandboxes", workspaceId };
  const [afterId = ""] = readPageToken(query, input.pageToken, 1) ?? [];
  const pageSize = pageSizeOf(input.pageSize);
  const sandboxes = await findPage(database, workspaceId, { afterId, limit: pageSize + 1 });
  const { items, nextPageToken } = pageOf(sandboxes, pageSize, query, (last) => [last.sandboxId]);
  return { items: await sandboxViews(database, workspaceId, items, holds(caller, "egress.bind")), nextPageToken };
}
