// Fixtures for access rules: principals without permissions, and rules.
import type { AccessRule, CreateAccessRuleRequestSchema } from "../../gen/coffer/v1/access_service_pb.ts";
import { Role } from "../../gen/coffer/v1/token_service_pb.ts";
import type { TestCoffer } from "./coffer.ts";
import { type Init, present } from "./secrets.ts";

export type RuleInit = Init<typeof CreateAccessRuleRequestSchema>;

/** An id of the right form that nothing has. */
export const unknownRuleId = "acr_01jzzzzzzzzzzzzzzzzzzzzzzz";

export interface Member {
  principalId: string;
  token: string;
}

/** A new service principal that may do nothing yet. */
export async function newMember(coffer: TestCoffer, scopes: string[] = [], role: Role = Role.MEMBER): Promise<Member> {
  const { apiToken, token } = await coffer.clients().tokens.createToken({ displayName: "m", role, scopes });
  return { principalId: present(apiToken).principalId, token };
}

export async function createRule(coffer: TestCoffer, init: RuleInit, token?: string): Promise<AccessRule> {
  return present((await coffer.clients(token).access.createAccessRule(init)).accessRule);
}

/** Allows a principal these permissions at these paths. */
export function allow(coffer: TestCoffer, { principalId }: Member, permissions: string[], pathPatterns: string[] = []) {
  return createRule(coffer, { subject: { case: "principalId", value: principalId }, permissions, pathPatterns });
}
