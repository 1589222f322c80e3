// coffer.v1.AccessService over the operations on access rules and access policies.

import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type AccessRule as AccessRuleMessage,
  AccessRuleSchema,
  type AccessService,
  type CreateAccessRuleRequest,
  type ListAccessRulesRequest,
} from "../../../gen/coffer/v1/access_service_pb.ts";
import { callerOf } from "../../call/caller.ts";
import { resourceOf } from "../../call/resource-of.ts";
import { toTimestamp } from "../../call/timestamp.ts";
import type { AccessRule, RuleSubject } from "../../domain/access/access-rule.ts";
import { createAccessRule } from "../../operations/access/create-rule.ts";
import { deleteAccessRule } from "../../operations/access/delete-rule.ts";
import { listAccessRules } from "../../operations/access/list-rules.ts";
import { setAccessPolicy } from "../../operations/access/set-policy.ts";
import { testPermissions } from "../../operations/access/test-permissions.ts";
import type { Deps } from "../../runtime/deps.ts";
import { toAccessPolicy } from "./access-policy-messages.ts";
import { roleMessages, roles } from "./roles.ts";
import { toSecretMessage } from "./secret-messages.ts";
import { toEtag, toSecretRef } from "./secret-requests.ts";

export function accessService(deps: Deps): ServiceImpl<typeof AccessService> {
  return {
    async createAccessRule({ subject, permissions, pathPatterns, region, note }, context) {
      const whom = toSubject(subject);
      if (!whom) throw new Error("the schema requires a subject");
      const input = { subject: whom, permissions, pathPatterns, region, note };
      const outcome = await createAccessRule(deps, callerOf(context), input);
      return { accessRule: toRuleMessage(resourceOf(context, outcome)) };
    },

    async listAccessRules({ subject, pageSize, pageToken }, context) {
      const input = { subject: toSubject(subject), pageSize, pageToken };
      const { items, nextPageToken } = await listAccessRules(deps, callerOf(context), input);
      return { accessRules: items.map(toRuleMessage), nextPageToken };
    },

    async deleteAccessRule({ id }, context) {
      resourceOf(context, await deleteAccessRule(deps, callerOf(context), id));
      return {};
    },

    async setAccessPolicy(request, context) {
      const outcome = await setAccessPolicy(deps, callerOf(context), {
        secret: toSecretRef(request),
        etag: toEtag(request.etag),
        accessPolicy: toAccessPolicy(request.accessPolicy),
      });
      return { secret: toSecretMessage(resourceOf(context, outcome)) };
    },

    async testPermissions({ permissions, path, region }, context) {
      return { permissions: await testPermissions(deps, callerOf(context), { permissions, path, region }) };
    },
  };
}

/** The schema refuses an unspecified role. */
function toSubject(
  subject: CreateAccessRuleRequest["subject"] | ListAccessRulesRequest["subject"],
): RuleSubject | undefined {
  if (subject.case === "principalId") return { principalId: subject.value };
  const role = subject.case === "role" ? roles[subject.value] : undefined;
  return role && { role };
}

function toRuleMessage(rule: AccessRule): AccessRuleMessage {
  const { subject } = rule;
  return create(AccessRuleSchema, {
    id: rule.ruleId,
    workspaceId: rule.workspaceId,
    subject:
      "role" in subject
        ? { case: "role", value: roleMessages[subject.role] }
        : { case: "principalId", value: subject.principalId },
    permissions: [...rule.permissions],
    pathPatterns: [...rule.pathPatterns],
    region: rule.region ?? "",
    note: rule.note,
    createTime: toTimestamp(rule.createTime),
  });
}
