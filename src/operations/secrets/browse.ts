// Lists the secrets directly below a path, and the prefixes of further paths, that the caller may see.

import type { Secret } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { readPage, readPageToken } from "../../steps/page-token.ts";
import { authenticOnly, type ListDeps } from "../../steps/secrets/authentic-only.ts";
import { regionOf } from "../../steps/secrets/region.ts";
import { authorizeList } from "../../steps/secrets/visible.ts";
import { findSecretsById, type LevelEntry, browseSecrets as readLevel } from "../../store/browse-secrets.ts";
import type { StoredSecret } from "../../store/rows/secret.ts";

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
  const { items, nextPageToken } = await readPage<LevelEntry & { secret: StoredSecret | undefined }>({
    pageSize,
    query,
    position: readPageToken(query, pageToken, 1),
    positionOf: (last) => [last.path],
    async read(position, limit) {
      const entries = await readLevel(deps.database, level, visible, position?.[0], limit);
      const ids = entries.flatMap(({ secretId }) => secretId ?? []);
      const secrets = ids.length === 0 ? [] : await findSecretsById(deps.database, workspaceId, visible, ids);
      const byId = new Map(secrets.map((secret) => [secret.secretId, secret]));
      return entries.map((entry) => ({ ...entry, secret: byId.get(entry.secretId ?? "") }));
    },
  });
  return {
    prefixes: items.filter(({ secretId }) => secretId === undefined).map((entry) => entry.path),
    secrets: await authenticOnly(
      deps,
      caller,
      items.flatMap(({ secret }) => secret ?? []),
    ),
    nextPageToken,
  };
}
