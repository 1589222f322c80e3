// Decides whether an access policy lets a client in, by its address and the time.

import { assertNever } from "../error/errors.ts";
import type { AccessCondition, AccessPolicy, TimeCondition } from "./access-policy.ts";
import { rangeHolds } from "./ip-range.ts";
import { hourIn } from "./time-zone.ts";

export interface AccessCircumstances {
  /** The client's address: the peer's, or the one that a trusted proxy forwards. */
  address: string;
  /** By the database's clock. */
  now: Date;
}

/** `condition` is the index of the condition that decided; undefined when none matched. */
export interface AccessDecision {
  isAllowed: boolean;
  condition: number | undefined;
}

/** A matching deny condition denies. Otherwise, if there are allow conditions, one of them must match. */
export function evaluateAccessPolicy(policy: AccessPolicy, circumstances: AccessCircumstances): AccessDecision {
  const { conditions } = policy;
  const matching = (effect: AccessCondition["effect"]) =>
    conditions.findIndex((condition) => condition.effect === effect && matches(condition, circumstances));
  const denying = matching("deny");
  if (denying !== -1) return { isAllowed: false, condition: denying };
  const allowing = matching("allow");
  if (allowing !== -1) return { isAllowed: true, condition: allowing };
  return { isAllowed: conditions.every(({ effect }) => effect === "deny"), condition: undefined };
}

function matches(condition: AccessCondition, { address, now }: AccessCircumstances): boolean {
  switch (condition.type) {
    case "ip":
      return condition.cidrs.some((cidr) => rangeHolds(cidr, address));
    case "time":
      return isWithin(condition, hourIn(condition.timezone, now));
    default:
      return assertNever(condition);
  }
}

function isWithin({ startHour, endHour }: TimeCondition, hour: number): boolean {
  if (startHour < endHour) return startHour <= hour && hour < endHour;
  return startHour <= hour || hour < endHour;
}
