// Reads access policies from plain JSON, in the three shapes that Thalassa's documents and clients use.

import { failOn } from "../error/errors.ts";
import { isObject, membersOf } from "../json-members.ts";
import type { AccessCondition, AccessEffect, AccessPolicy, AccessStatement } from "./access-policy.ts";
import { ipCondition, policyOf, type TimeParts, timeCondition, type Violations } from "./access-policy-parts.ts";
import { statementsOf } from "./access-statements.ts";

/** The conditions of a policy, and its statements about principals. */
export interface GivenAccessPolicy {
  /** Undefined: no conditions. */
  policy: AccessPolicy | undefined;
  statements: readonly AccessStatement[];
}

/**
 * Reads `{conditions}` or `{allowed, denied}`, with or without `statements`. An empty object means no policy. Fails with FIELD_INVALID, which
 * names every broken field below `field`.
 */
export function parseAccessPolicy(json: unknown, field: string): GivenAccessPolicy {
  const found: Violations = [];
  if (!isObject(json)) {
    found.push({ field, description: `must be an object with ${shapes}` });
    failOn(found);
    throw new Error("a violation was lost");
  }
  const { statements: given, ...others } = json as { statements?: unknown };
  const statements = given === undefined ? [] : statementsOf(given, found, field);
  if (Object.keys(others).length === 0) return { policy: undefined, statements };
  if ("conditions" in others) return { policy: policyOfConditions(others, found, field), statements };
  if ("allowed" in others || "denied" in others) return { policy: policyOfLists(others, found, field), statements };
  membersOf(others, ["conditions", "allowed", "denied", "statements"], found, field);
  failOn(found);
  return { policy: undefined, statements };
}

const shapes = "conditions, with allowed and denied, or with statements";

function policyOfConditions(json: object, found: Violations, field: string): AccessPolicy {
  const { conditions } = membersOf(json, ["conditions"], found, field);
  const list = listOf(conditions, found, `${field}.conditions`);
  const parsed = list.flatMap((condition, index) => conditionOf(condition, found, `${field}.conditions[${index}]`));
  return finish(list, parsed, found, `${field}.conditions`);
}

function conditionOf(json: unknown, found: Violations, field: string): AccessCondition[] {
  const type = typeOf(json, found, field);
  if (type === "ip") {
    const { effect, cidrs } = membersOf(json as object, ["type", "effect", "cidrs"], found, field);
    return [ipCondition(effectOf(effect, found, field), cidrs, found, `${field}.cidrs`)];
  }
  if (type === "time") {
    const names = ["type", "effect", "startHour", "endHour", "timezone"] as const;
    const { effect, ...parts } = membersOf(json as object, names, found, field);
    return [timeCondition(effectOf(effect, found, field), parts, found, timeFields(field))];
  }
  return [];
}

function policyOfLists(json: object, found: Violations, field: string): AccessPolicy {
  const { allowed = [], denied = [] } = membersOf(json, ["allowed", "denied"], found, field);
  const allowList = listOf(allowed, found, `${field}.allowed`);
  const denyList = listOf(denied, found, `${field}.denied`);
  const parsed = [
    ...allowList.flatMap((item, index) => listedOf("allow", item, found, `${field}.allowed[${index}]`)),
    ...denyList.flatMap((item, index) => listedOf("deny", item, found, `${field}.denied[${index}]`)),
  ];
  return finish([...allowList, ...denyList], parsed, found, field);
}

function listedOf(effect: AccessEffect, json: unknown, found: Violations, field: string): AccessCondition[] {
  const type = typeOf(json, found, field);
  if (type === "ip") {
    const { ips } = membersOf(json as object, ["type", "ips"], found, field);
    return [ipCondition(effect, ips, found, `${field}.ips`)];
  }
  if (type === "time") {
    const { time } = membersOf(json as object, ["type", "time"], found, field);
    return [timeCondition(effect, windowOf(time, found, `${field}.time`), found, timeFields(`${field}.time`))];
  }
  return [];
}

function windowOf(json: unknown, found: Violations, field: string): TimeParts {
  return membersOf(isObject(json) ? json : {}, ["startHour", "endHour", "timezone"], found, field);
}

const timeFields = (field: string) => ({
  startHour: `${field}.startHour`,
  endHour: `${field}.endHour`,
  timezone: `${field}.timezone`,
});

/** Broken entries were reported before. They still count for the size of the list. */
function finish(given: readonly unknown[], parsed: AccessCondition[], found: Violations, field: string): AccessPolicy {
  if (parsed.length === 0 && given.length > 0) failOn(found);
  return policyOf(parsed, found, field);
}

function listOf(json: unknown, found: Violations, field: string): unknown[] {
  if (Array.isArray(json)) return json;
  found.push({ field, description: "must be a list" });
  failOn(found);
  return [];
}

function typeOf(json: unknown, found: Violations, field: string): "ip" | "time" | undefined {
  const type = isObject(json) && "type" in json ? json.type : undefined;
  if (type === "ip" || type === "time") return type;
  found.push({ field: `${field}.type`, description: "must be ip or time" });
  return undefined;
}

function effectOf(effect: unknown, found: Violations, field: string): AccessEffect {
  if (effect === "allow" || effect === "deny") return effect;
  found.push({ field: `${field}.effect`, description: "must be allow or deny" });
  return "deny";
}
