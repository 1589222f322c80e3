// Notes down that secrets have expired, so that they no longer hold their paths.
import type { Deps } from "../../deps.ts";
import type { Tx } from "../../store/database.ts";
import { markExpired } from "../../store/expired-secrets.ts";
import type { StoredSecret } from "../../store/rows.ts";
import { coveredOfSecret, isAuthentic, macOf } from "../row-macs.ts";

/**
 * The secrets are locked. One that SQL has changed is soft-deleted too, but gets no new MAC, which would vouch for it: so nothing of it
 * ever comes back, and it stands in nobody's way.
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

/** Another MAC, since the table takes no change without one, and none that authenticates anything. */
function noMac(mac: Uint8Array): Uint8Array {
  return Buffer.concat([mac, Uint8Array.of(0)]);
}
