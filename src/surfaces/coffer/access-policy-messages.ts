// Access policies, domain ⇄ coffer.v1.
import { create } from "@bufbuild/protobuf";
import {
  AccessConditionSchema,
  AccessEffect,
  AccessPolicySchema,
  AccessStatementSchema,
  type AccessCondition as ConditionMessage,
  IpConditionSchema,
  type AccessPolicy as PolicyMessage,
  TimeConditionSchema,
} from "../../../gen/coffer/v1/access_policy_pb.ts";
import type { AccessCondition, AccessPolicy } from "../../domain/access/access-policy.ts";
import { ipCondition, policyOf, timeCondition, type Violations } from "../../domain/access/access-policy-parts.ts";

const field = "access_policy.conditions";

/** Fails with FIELD_INVALID, which names every broken field. */
export function toAccessPolicy(message: PolicyMessage | undefined): AccessPolicy | undefined {
  if (!message) return undefined;
  const found: Violations = [];
  const conditions = message.conditions.map((condition, index) => toCondition(condition, found, `${field}[${index}]`));
  return policyOf(conditions, found, field);
}

/** The schema requires an effect and a condition. */
function toCondition({ effect, condition }: ConditionMessage, found: Violations, name: string): AccessCondition {
  const does = effect === AccessEffect.ALLOW ? "allow" : "deny";
  switch (condition.case) {
    case "ip":
      return ipCondition(does, condition.value.cidrs, found, `${name}.ip.cidrs`);
    case "time":
      return timeCondition(does, condition.value, found, {
        startHour: `${name}.time.start_hour`,
        endHour: `${name}.time.end_hour`,
        timezone: `${name}.time.timezone`,
      });
    default:
      throw new Error("the schema requires a condition");
  }
}

export function toAccessPolicyMessage({ conditions, statements = [] }: AccessPolicy): PolicyMessage {
  return create(AccessPolicySchema, {
    conditions: conditions.map(toConditionMessage),
    statements: statements.map(({ effect, actions = [], principals = [] }) =>
      create(AccessStatementSchema, { effect, actions: [...actions], principals: [...principals] }),
    ),
  });
}

function toConditionMessage(condition: AccessCondition): ConditionMessage {
  const effect = condition.effect === "allow" ? AccessEffect.ALLOW : AccessEffect.DENY;
  if (condition.type === "ip") {
    const value = create(IpConditionSchema, { cidrs: [...condition.cidrs] });
    return create(AccessConditionSchema, { effect, condition: { case: "ip", value } });
  }
  const { startHour, endHour, timezone } = condition;
  const value = create(TimeConditionSchema, { startHour, endHour, timezone });
  return create(AccessConditionSchema, { effect, condition: { case: "time", value } });
}
