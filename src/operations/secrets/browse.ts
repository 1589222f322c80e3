// Browsing: the secrets directly below a path, and the paths below it that have more, as far as the caller may see them.
import type { Caller } from "../../domain/caller.ts";
import type { Secret } from "../../domain/secret.ts";
import { findSecretsById, browseSecrets as readLevel } from "../../store/browse-secrets.ts";
import { pageOf, readPageToken } from "../page-token.ts";
import { authenticOnly, type ListDeps } from "./authentic-only.ts";
import { regionOf } from "./region.ts";
import { authorizeList } from "./visible.ts";

export interface BrowseInput {
  /** With a slash at its end. */
  path: string;
  region: string;
  /** Prefixes and secrets together. */
  pageSize: number;
  pageToken: string;
}

export interface BrowsedLevel {
  /** With a slash at their end. */
  prefixes: string[];
  secrets: Secret[];
  nextPageToken: string;
}

export async function browseSecrets(
  deps: ListDeps,
  caller: Caller,
  { path, region, pageSize, pageToken }: BrowseInput,
): Promise<BrowsedLevel> {
  const { workspaceId, visible } = authorizeList(caller);
  const level = { workspaceId, region: regionOf(deps, region), path };
  const query = { browse: level };
  const [after] = readPageToken(query, pageToken, 1) ?? [];
  const entries = await readLevel(deps.database, level, visible, after, pageSize + 1);
  const { items, nextPageToken } = pageOf(entries, pageSize, query, (last) => [last.path]);
  const secretIds = items.flatMap(({ secretId }) => secretId ?? []);
  return {
    prefixes: items.filter(({ secretId }) => secretId === undefined).map((entry) => entry.path),
    secrets:
      secretIds.length === 0
        ? []
        : await authenticOnly(deps, caller, await findSecretsById(deps.database, workspaceId, visible, secretIds)),
    nextPageToken,
  };
}
