// ListSecretVersions: pages of versions, newest first.

import type { SecretVersion, VersionState } from "../../domain/secret/version.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorizeFound } from "../../steps/authorize.ts";
import { pageSizeOf, readPage, readPageToken, wrongPageToken } from "../../steps/page-token.ts";
import { authorizeSecret } from "../../steps/secrets/authorize-secret.ts";
import { findSecretOrFail } from "../../steps/secrets/find.ts";
import { refOf, type SecretRefInput } from "../../steps/secrets/secret-ref.ts";
import { listVersions } from "../../store/versions.ts";

export interface ListVersionsInput {
  secret: SecretRefInput;
  /** Empty: all. */
  states: readonly VersionState[];
  pageSize: number;
  pageToken: string;
}

const everyState: readonly VersionState[] = ["ENABLED", "DISABLED", "DESTROYED"];
const aboveEveryNumber = 2_147_483_647;

/** Fails with SECRET_NOT_FOUND. */
export async function listSecretVersions(
  deps: Pick<Deps, "database" | "regions" | "deploymentKeys">,
  caller: Caller,
  input: ListVersionsInput,
): Promise<{ items: SecretVersion[]; nextPageToken: string }> {
  const { workspaceId } = await authorizeSecret(deps, caller, "versions.read", input.secret);
  const secret = await findSecretOrFail(deps, deps.database, workspaceId, refOf(deps, input.secret));
  authorizeFound(caller, "versions.read", secret);
  const states = input.states.length === 0 ? everyState : [...input.states].sort();
  const query = { secretId: secret.secretId, states };
  return readPage({
    pageSize: pageSizeOf(input.pageSize),
    query,
    position: readPageToken(query, input.pageToken, 1),
    positionOf: (last) => [String(last.versionNumber)],
    read(position, limit) {
      const belowNumber = position ? Number(position[0]) : aboveEveryNumber;
      if (!Number.isInteger(belowNumber) || Math.abs(belowNumber) > aboveEveryNumber) throw wrongPageToken();
      return listVersions(deps.database, secret, { states, belowNumber, limit });
    },
  });
}
