// Stores that secrets have expired, so that their paths become free.

import { coveredOfSecret, isAuthentic, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { Tx } from "../../store/database.ts";
import { markExpired } from "../../store/expired-secrets.ts";
import type { StoredSecret } from "../../store/rows/secret.ts";

/**
 * The caller has locked the secrets. A secret that SQL has changed is soft-deleted too, but without a valid MAC, because a MAC would make
 * the change valid. Its values can never be read again, and its path becomes free.
 */
export async function settleExpired(
  { deploymentKeys }: Pick<Deps, "deploymentKeys">,
  tx: Tx,
  secrets: readonly StoredSecret[],
): Promise<{ sound: StoredSecret[]; tampered: StoredSecret[] }> {
  if (secrets.length === 0) return { sound: [], tampered: [] };
  const sound = secrets.filter((secret) => isAuthentic(deploymentKeys, coveredOfSecret(secret), secret.rowMac));
  const tampered = secrets.filter((secret) => !sound.includes(secret));
  const expired = sound.map((secret) => ({
    ...secret,
    rowMac: macOf(deploymentKeys, coveredOfSecret({ ...secret, storedState: "SOFT_DELETED" })),
  }));
  const unsigned = tampered.map((secret) => ({ ...secret, rowMac: noMac(secret.rowMac) }));
  await markExpired(tx, [...expired, ...unsigned]);
  return { sound, tampered };
}

/** A changed MAC that authenticates nothing: the trigger of the table requires that every change has a new MAC. */
function noMac(mac: Uint8Array): Uint8Array {
  return Buffer.concat([mac, Uint8Array.of(0)]);
}
