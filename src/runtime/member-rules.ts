// What access rules add to a membership.

import { narrow, permissionsOfRole, type Role } from "../domain/access/permission.ts";
import { memberRules, rulesCouldAdd } from "../domain/access/rule-set.ts";
import type { Membership } from "../domain/workspace/caller.ts";
import type { AccessRules } from "./access-rules.ts";

/** Who is a member, as what, and how often the rules of the workspace have changed. */
export interface MemberFacts {
  workspaceId: string;
  principalId: string;
  role: Role;
  accessRevision: number;
}

/** The membership under the scopes of a credential. */
export async function membershipUnder(
  { accessRules }: { accessRules: AccessRules },
  { workspaceId, principalId, role, accessRevision }: MemberFacts,
  scopes: readonly string[],
): Promise<Membership> {
  const permissions = narrow(permissionsOfRole(role), scopes);
  const rules = rulesCouldAdd(permissions, scopes)
    ? memberRules(await accessRules.get(workspaceId, accessRevision), { principalId, role, scopes })
    : undefined;
  return { workspaceId, role, permissions, rules };
}

/** Whether nothing newer is known of the rules that these memberships go by. */
export function haveCurrentRules(
  { accessRules }: { accessRules: AccessRules },
  memberships: readonly Membership[],
): boolean {
  return memberships.every(({ rules }) => !rules || accessRules.isCurrent(rules.set));
}
