// ListSandboxes: pages of sandboxes, with what is bound to them.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import { listSandboxes as findPage } from "../../store/sandboxes.ts";
import { authorize, holds } from "../authorize.ts";
import { pageSizeOf, readPage, readPageToken } from "../page-token.ts";
import { type SandboxView, sandboxViews } from "./sandbox-view.ts";

/** Placeholders are for those who could bind the secrets. Fails with FIELD_INVALID. */
export async function listSandboxes(
  { database }: Pick<Deps, "database">,
  caller: Caller,
  input: { pageSize: number; pageToken: string },
): Promise<{ items: SandboxView[]; nextPageToken: string }> {
  const { workspaceId } = authorize(caller, "egress.read");
  const query = { list: "sandboxes", workspaceId };
  const mayBind = holds(caller, "egress.bind");
  return readPage({
    pageSize: pageSizeOf(input.pageSize),
    query,
    position: readPageToken(query, input.pageToken, 1),
    positionOf: (last) => [last.sandboxId],
    async read([afterId = ""] = [], limit) {
      const sandboxes = await findPage(database, workspaceId, { afterId, limit });
      return sandboxViews(database, workspaceId, sandboxes, mayBind);
    },
  });
}
