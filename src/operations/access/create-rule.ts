// CreateAccessRule: allows more at some paths.

import {
  type AccessRule,
  accessRuleNotFound,
  checkRulePermission,
  patternChecks,
} from "../../domain/access/access-rule.ts";
import { pathPermissionsOf } from "../../domain/access/permission.ts";
import { checkAll } from "../../domain/error/errors.ts";
import { newId } from "../../domain/ids.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { coveredOfAccessRule, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { lockRoomForRules } from "../../steps/access/room.ts";
import { authorize } from "../../steps/authorize.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { regionOf } from "../../steps/secrets/region.ts";
import { checkAllHeld } from "../../steps/tokens/grantable.ts";
import { findAccessRule, insertAccessRule } from "../../store/access-rules.ts";

/** An empty region means every region. */
export type CreateAccessRuleInput = Pick<AccessRule, "subject" | "permissions" | "pathPatterns" | "note"> & {
  region: string;
};

/** Fails with GRANT_EXCEEDS_CALLER, ACCESS_RULE_LIMIT or FIELD_INVALID. */
export async function createAccessRule(
  deps: MutationDeps & Pick<Deps, "deploymentKeys" | "accessRules" | "regions">,
  caller: Caller,
  { region, ...input }: CreateAccessRuleInput,
): Promise<MutationResult<AccessRule>> {
  const grant = authorize(caller, "access.create");
  const { workspaceId } = grant;
  checkAll(
    ...input.permissions.map((scope, index) => () => checkRulePermission(scope, `permissions[${index}]`)),
    ...patternChecks(input),
    () => region !== "" && regionOf(deps, region),
  );
  checkAllHeld(caller, workspaceId, pathPermissionsOf(input.permissions));
  const ruleId = newId("acr", deps.now(), deps.random);
  const outcome = await mutate(deps, caller, {
    grant,
    prepare: async () => ({ subject: { resourceType: "access_rule", resourceId: ruleId } }),
    async apply(tx) {
      await lockRoomForRules(tx, workspaceId, 1);
      const rule = { ...input, workspaceId, ruleId, region: region === "" ? undefined : region };
      return insertAccessRule(tx, { ...rule, mac: macOf(deps.deploymentKeys, coveredOfAccessRule(rule)) });
    },
    async replay(sql, id) {
      const rule = await findAccessRule(sql, workspaceId, id);
      if (!rule) throw accessRuleNotFound();
      return rule;
    },
  });
  if (!outcome.replayed) deps.accessRules.drop(workspaceId);
  return outcome;
}
