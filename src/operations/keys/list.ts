// ListKeys: pages of keys by id.

import type { KmsKeyRecord, KmsKeyState } from "../../domain/key/kms-key.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { pageSizeOf, readPage, readPageToken } from "../../steps/page-token.ts";
import { regionOf } from "../../steps/secrets/region.ts";
import { type KeyFilter, listKeyRecords } from "../../store/kms-key-records.ts";

export interface ListKeysInput {
  /** Empty: all regions. */
  region: string;
  /** Empty: all states but DESTROYED. */
  states: readonly KmsKeyState[];
  /** Undefined: both. */
  name?: string | undefined;
  slug?: string | undefined;
  kmsKeyId?: string | undefined;
  /** Keys with all of these labels. */
  labels?: Record<string, string>;
  pageSize: number;
  pageToken: string;
}

const liveStates = ["ACTIVE", "DISABLED", "PENDING_DESTRUCTION"] as const;

export async function listKeys(
  deps: Pick<Deps, "database" | "regions">,
  caller: Caller,
  input: ListKeysInput,
): Promise<{ items: KmsKeyRecord[]; nextPageToken: string }> {
  const { workspaceId } = authorize(caller, "keys.list");
  const region = input.region === "" ? null : regionOf(deps, input.region);
  const states = input.states.length === 0 ? liveStates : [...input.states].sort();
  const { name = null, slug = null, kmsKeyId = null, labels = {} } = input;
  const filter: KeyFilter = { region, states, name, slug, kmsKeyId, labels };
  const query = { list: "keys", workspaceId, region, states, ...filtersOf(filter) };
  return readPage<KmsKeyRecord>({
    pageSize: pageSizeOf(input.pageSize),
    query,
    position: readPageToken(query, input.pageToken, 1),
    positionOf: (last) => [last.kmsKeyId],
    read: ([afterId = ""] = [], limit) => listKeyRecords(deps.database, workspaceId, { ...filter, afterId, limit }),
  });
}

/** Only the given filters go into the page token, so that tokens of requests without them stay the same. */
function filtersOf({ name, slug, kmsKeyId, labels }: KeyFilter): Record<string, unknown> {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const given = { name, slug, kmsKeyId, labels: sorted.length === 0 ? null : sorted };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
}
