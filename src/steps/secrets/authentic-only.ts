// Removes secrets from a list whose rows do not authenticate.

import { CofferError } from "../../domain/error/errors.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { coveredOfSecret, isAuthentic } from "../../integrity/row-macs.ts";
import { denialEvent } from "../../runtime/audit-denials.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { StoredSecret } from "../../store/rows/secret.ts";

export type ListDeps = Pick<
  Deps,
  "database" | "regions" | "deploymentKeys" | "secretTexts" | "audit" | "now" | "random"
>;

/** Removes rows that SQL has changed, because their paths cannot be trusted. First writes an audit event about one of them. */
export async function authenticOnly(
  deps: ListDeps,
  caller: Caller,
  secrets: readonly StoredSecret[],
): Promise<StoredSecret[]> {
  const sound = secrets.filter((secret) => isAuthentic(deps.deploymentKeys, coveredOfSecret(secret), secret.rowMac));
  const tampered = secrets.find((secret) => !sound.includes(secret));
  if (!tampered) return sound;
  const error = new CofferError("VALUE_CORRUPT", "a stored row does not authenticate", { record: "secret" });
  const event = denialEvent(deps, caller, error, { resourceType: "secret", resourceId: tampered.secretId });
  await deps.audit.record({ ...event, occurrences: secrets.length - sound.length });
  return sound;
}
