// Checks the quota of a workspace. It is exact: concurrent additions wait for each other.
import { assertNever, CofferError } from "../../domain/error/errors.ts";
import { type Limited, tierLimits } from "../../domain/workspace/workspace.ts";
import type { Tx } from "../../store/database.ts";
import { countActiveSecrets, countVaultConnections, lockLimitedTier } from "../../store/tiers.ts";

/**
 * Fails with QUOTA_EXCEEDED when the workspace holds all that its tier allows. Call it before any other row is locked: until the
 * transaction ends, nobody else adds to a workspace with a quota.
 */
export async function checkQuota(tx: Tx, workspaceId: string, limited: Limited): Promise<void> {
  const tier = await lockLimitedTier(tx, workspaceId);
  if (tier === undefined) return;
  const limit = tierLimits[tier][limited];
  if ((await count(tx, workspaceId, limited)) < limit) return;
  throw new CofferError(
    "QUOTA_EXCEEDED",
    `a workspace of the tier ${tier.toLowerCase()} has a limit of ${limit} ${limited}`,
    { subject: `workspace:${workspaceId}`, tier: tier.toLowerCase(), limited, limit: String(limit) },
  );
}

function count(tx: Tx, workspaceId: string, limited: Limited): Promise<number> {
  switch (limited) {
    case "secrets":
      return countActiveSecrets(tx, workspaceId);
    case "vault connections":
      return countVaultConnections(tx, workspaceId);
    default:
      return assertNever(limited);
  }
}
