// DeleteAccessRule: takes back what a rule allowed.
import type { Deps } from "../../deps.ts";
import { accessRuleNotFound } from "../../domain/access-rule.ts";
import type { Caller } from "../../domain/caller.ts";
import { deleteAccessRule as removeRule } from "../../store/access-rules.ts";
import { authorize } from "../authorize.ts";
import { type MutationDeps, mutate, type Outcome } from "../mutation.ts";

/** Fails with ACCESS_RULE_NOT_FOUND. */
export async function deleteAccessRule(
  deps: MutationDeps & Pick<Deps, "accessRules">,
  caller: Caller,
  ruleId: string,
): Promise<Outcome<void>> {
  const grant = authorize(caller, "access.delete");
  const { workspaceId } = grant;
  const outcome = await mutate(deps, caller, {
    grant,
    prepare: async () => ({ subject: { resourceType: "access_rule", resourceId: ruleId } }),
    async apply(tx) {
      if (!(await removeRule(tx, workspaceId, ruleId))) throw accessRuleNotFound();
    },
    replay: async () => {},
  });
  if (!outcome.replayed) deps.accessRules.drop(workspaceId);
  return outcome;
}
