// Changes where the value of a secret may go: for those who may have the value anyway, since it could lead to a host of theirs.
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

/** Null takes the rule away. Fails with EGRESS_RULE_FIXED, or for a rule that leads elsewhere without versions.access. */
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
  // One that SQL has changed is none: nothing vouches for it.
  const isKnown =
    stored && isAuthentic(deploymentKeys, coveredOfEgressRule({ ...secret, rule: stored.rule }), stored.mac);
  if (!isKnown || !leadsTheSameWay(stored.rule, rule)) {
    authorizeFound(caller, "versions.access", secret);
    if (!secret.revealable) throw ruleFixed(secretId);
  }
  const mac = macOf(deploymentKeys, coveredOfEgressRule({ workspaceId, secretId, rule }));
  await updateEgressRule(tx, secret, { rule, mac });
}

/** To the same hosts, in the same headers; only limits may differ. */
function leadsTheSameWay(before: EgressRule, after: EgressRule): boolean {
  return isDeepStrictEqual([before.hosts, before.schemes], [after.hosts, after.schemes]);
}

function ruleFixed(secretId: string): CofferError {
  return new CofferError(
    "EGRESS_RULE_FIXED",
    "the value of this secret is never returned, so the hosts and headers it may go to are those it was made with",
    { id: secretId },
  );
}
