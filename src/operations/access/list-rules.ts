// ListAccessRules: pages of rules by id.

import type { AccessRule, RuleSubject } from "../../domain/access/access-rule.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { pageSizeOf, readPage, readPageToken } from "../../steps/page-token.ts";
import { listAccessRules as readRules } from "../../store/access-rules.ts";

export interface ListAccessRulesInput {
  /** Undefined: rules for any subject. */
  subject: RuleSubject | undefined;
  pageSize: number;
  pageToken: string;
}

export async function listAccessRules(
  { database }: Pick<Deps, "database">,
  caller: Caller,
  { subject, pageSize: requested, pageToken }: ListAccessRulesInput,
): Promise<{ items: AccessRule[]; nextPageToken: string }> {
  const { workspaceId } = authorize(caller, "access.list");
  const principalId = subject && "principalId" in subject ? subject.principalId : null;
  const role = subject && "role" in subject ? subject.role : null;
  const query = { list: "access_rules", workspaceId, principalId, role };
  return readPage({
    pageSize: pageSizeOf(requested),
    query,
    position: readPageToken(query, pageToken, 1),
    positionOf: (last) => [last.ruleId],
    read: ([afterId = ""] = [], limit) => readRules(database, workspaceId, { principalId, role, afterId, limit }),
  });
}
