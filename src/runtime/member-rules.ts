// Adds access rules to a membership.
import { narrow, permissionsOfRole, type Role } from "../domain/access/permission.ts";
import { memberRules, rulesCouldAdd } from "../domain/access/rule-set.ts";
import type { Membership } from "../domain/workspace/caller.ts";
import type { AccessRules } from "./access-rules.ts";

/** `accessRevision`: how often the access rules of the workspace have changed. */
export interface MemberFacts {
  workspaceId: string;
  principalId: string;
  role: Role;
  accessRevision: number;
}

/** Returns the membership, narrowed to the scopes of a credential. */
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

/** Whether no newer access rules are known for these memberships. */
export function haveCurrentRules(
  { accessRules }: { accessRules: AccessRules },
  memberships: readonly Membership[],
): boolean {
  return memberships.every(({ rules }) => !rules || accessRules.isCurrent(rules.set));
}
