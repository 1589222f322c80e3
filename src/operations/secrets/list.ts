// ListSecrets: pages of secrets by path.

import type { Secret, SecretState } from "../../domain/secret/secret.ts";
import { pathOf } from "../../domain/secret-name.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { ReadSecret } from "../../runtime/secret-texts.ts";
import { pageSizeOf, readPage, readPageToken } from "../../steps/page-token.ts";
import { authenticOnly, type ListDeps } from "../../steps/secrets/authentic-only.ts";
import { regionOf } from "../../steps/secrets/region.ts";
import { authorizeList } from "../../steps/secrets/visible.ts";
import { listSecrets as readSecrets } from "../../store/list-secrets.ts";

export interface ListSecretsInput {
  namePrefix: string;
  kind: string;
  labels: Record<string, string>;
  /** Empty: active ones. */
  states: readonly SecretState[];
  /** Empty: all regions. */
  region: string;
  pageSize: number;
  pageToken: string;
}

export async function listSecrets(
  deps: ListDeps,
  caller: Caller,
  input: ListSecretsInput,
): Promise<{ items: Secret[]; nextPageToken: string }> {
  const { workspaceId, visible } = authorizeList(caller);
  const filter = {
    workspaceId,
    region: input.region === "" ? undefined : regionOf(deps, input.region),
    pathPrefix: input.namePrefix === "" ? undefined : pathOf(input.namePrefix),
    kind: input.kind === "" ? undefined : input.kind,
    labels: sortKeys(input.labels),
    states: input.states.length === 0 ? (["ACTIVE"] as const) : [...input.states].sort(),
  };
  const { items, nextPageToken } = await readPage<ReadSecret>({
    pageSize: pageSizeOf(input.pageSize),
    query: filter,
    position: readPageToken(filter, input.pageToken, 2),
    positionOf: ({ secret }) => [secret.path, secret.secretId],
    sizeBytesOf: ({ sizeBytes }) => sizeBytes,
    read: async (position, limit) => {
      const after = position && { path: position[0] as string, secretId: position[1] as string };
      const texts = await readSecrets(deps.database, filter, visible, after, limit);
      return texts.map(deps.secretTexts.read);
    },
  });
  const secrets = items.map(({ secret }) => secret);
  const isSound = items.every(({ isAuthentic }) => isAuthentic);
  return { items: isSound ? secrets : await authenticOnly(deps, caller, secrets), nextPageToken };
}

// The order of labels makes no other query, so a page token fits both.
function sortKeys(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
