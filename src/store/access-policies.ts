// Writes access policies of secrets. The MAC of the secret's row covers the policy.

import { clock } from "./clock.ts";
import { only } from "./connection/single-row.ts";
import type { Tx } from "./database.ts";
import { type StoredSecret, secretColumnsByClock, toSecret } from "./rows/secret.ts";
import type { DriverRow } from "./rows/select.ts";

/** Sets or clears the policy and its MAC, and increments the revision. */
export async function updateAccessPolicy(
  tx: Tx,
  secret: Pick<StoredSecret, "workspaceId" | "secretId" | "accessPolicyText" | "rowMac">,
): Promise<StoredSecret> {
  const rows = await tx.query<DriverRow>({
    name: "update_access_policy",
    text: `update secret s set access_policy = $3, row_mac = $4, revision = s.revision + 1, update_time = t.at
      from ${clock} where s.workspace_id = $1 and s.secret_id = $2
      returning ${secretColumnsByClock}`,
    values: [secret.workspaceId, secret.secretId, secret.accessPolicyText ?? null, secret.rowMac],
  });
  return toSecret(only(rows));
}
