// Changes the egress rule of a secret. Who changes its hosts could receive the value, so that caller must hold versions.access.
import { isDeepStrictEqual } from "node:util";
import type { EgressRule } from "../../domain/egress/egress-rule.ts";
import { CofferError } from "../../domain/error/errors.ts";
import type { Secret } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { coveredOfEgressRule, isAuthentic, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorizeFound } from "../../steps/authorize.ts";
import type { Tx } from "../../store/database.ts";
import { findEgressRule, updateEgressRule } from "../../store/egress-rules.ts";

/** Null removes the rule. Fails with EGRESS_RULE_FIXED, or for other hosts or headers without versions.access. */
export async function changeEgress(
  { deploymentKeys }: Pick<Deps, "deploymentKeys">,
  tx: Tx,
  caller: Caller,
  secret: Secret,
  rule: EgressRule | null,
): Promise<void> {
  if (!rule) return updateEgressRule(tx, secret, undefined);
  const { workspaceId, secretId } = secret;
  const stored = await findEgressRule(tx, { workspaceId, secretId });
  // A rule that SQL changed counts as none.
  const isKnown =
    stored && isAuthentic(deploymentKeys, coveredOfEgressRule({ ...secret, rule: stored.rule }), stored.mac);
  if (!isKnown || !leadsTheSameWay(stored.rule, rule)) {
    authorizeFound(caller, "versions.access", secret);
    if (!secret.revealable) throw ruleFixed(secretId);
  }
  const mac = macOf(deploymentKeys, coveredOfEgressRule({ workspaceId, secretId, rule }));
  await updateEgressRule(tx, secret, { rule, mac });
}

/** Returns whether only the limits differ: the hosts and headers are the same. */
function leadsTheSameWay(before: EgressRule, after: EgressRule): boolean {
  return isDeepStrictEqual([before.hosts, before.schemes], [after.hosts, after.schemes]);
}

function ruleFixed(secretId: string): CofferError {
  return new CofferError(
    "EGRESS_RULE_FIXED",
    "the hosts and headers of this egress rule cannot be changed, because the value of the secret is never returned",
    { id: secretId },
  );
}
