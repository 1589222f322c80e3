// ListKeys: pages of keys by id.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import type { KmsKeyRecord, KmsKeyState } from "../../domain/kms-key.ts";
import { listKeyRecords } from "../../store/kms-key-records.ts";
import { authorize } from "../authorize.ts";
import { pageSizeOf, readPage, readPageToken } from "../page-token.ts";
import { regionOf } from "../secrets/region.ts";

export interface ListKeysInput {
  /** All regions when empty. */
  region: string;
  /** All but destroyed ones when empty. */
  states: readonly KmsKeyState[];
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
  const query = { list: "keys", workspaceId, region, states };
  return readPage<KmsKeyRecord>({
    pageSize: pageSizeOf(input.pageSize),
    query,
    position: readPageToken(query, input.pageToken, 1),
    positionOf: (last) => [last.kmsKeyId],
    read: ([afterId = ""] = [], limit) =>
      listKeyRecords(deps.database, workspaceId, { region, states, afterId, limit }),
  });
}
