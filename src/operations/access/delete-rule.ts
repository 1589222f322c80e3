// DeleteAccessRule: deletes a rule, and with it the permissions that it gave.

import { accessRuleNotFound } from "../../domain/access/access-rule.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { deleteAccessRule as removeRule } from "../../store/access-rules.ts";

/** Fails with ACCESS_RULE_NOT_FOUND. */
export async function deleteAccessRule(
  deps: MutationDeps & Pick<Deps, "accessRules">,
  caller: Caller,
  ruleId: string,
): Promise<MutationResult<void>> {
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
