// ListSandboxes: lists sandboxes with their bindings, in pages.

import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize, holds } from "../../steps/authorize.ts";
import { type SandboxView, sandboxViews } from "../../steps/egress/sandbox-view.ts";
import { pageSizeOf, readPage, readPageToken } from "../../steps/page-token.ts";
import { canonicalJson } from "../../store/rows/column-types.ts";
import { listSandboxes as findPage, listAllSandboxes as readAll } from "../../store/sandboxes.ts";

/** Shows placeholders only to callers who may bind the secrets. Fails with FIELD_INVALID. */
export async function listSandboxes(
  { database }: Pick<Deps, "database">,
  caller: Caller,
  input: { metadata: Readonly<Record<string, string>>; pageSize: number; pageToken: string },
): Promise<{ items: SandboxView[]; nextPageToken: string }> {
  const { workspaceId } = authorize(caller, "egress.read");
  const { metadata } = input;
  const query = {
    list: "sandboxes",
    workspaceId,
    ...(Object.keys(metadata).length > 0 ? { metadata: canonicalJson(metadata) } : {}),
  };
  const mayBind = holds(caller, "egress.bind");
  return readPage({
    pageSize: pageSizeOf(input.pageSize),
    query,
    position: readPageToken(query, input.pageToken, 1),
    positionOf: (last) => [last.sandboxId],
    async read([afterId = ""] = [], limit) {
      const sandboxes = await findPage(database, workspaceId, { metadata, afterId, limit });
      return sandboxViews(database, workspaceId, sandboxes, mayBind);
    },
  });
}

/** Lists all sandboxes with all of these tags, newest first and without placeholders, for APIs without pages. */
export async function listAllSandboxes(
  { database }: Pick<Deps, "database">,
  caller: Caller,
  metadata: Readonly<Record<string, string>>,
): Promise<SandboxView[]> {
  const { workspaceId } = authorize(caller, "egress.read");
  return sandboxViews(database, workspaceId, await readAll(database, workspaceId, metadata), false);
}
