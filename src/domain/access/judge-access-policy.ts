// Judges an access policy: whether it lets a client in, from where it calls, now.

import { assertNever } from "../error/errors.ts";
import type { AccessCondition, AccessPolicy, TimeCondition } from "./access-policy.ts";
import { rangeHolds } from "./ip-range.ts";
import { hourIn } from "./time-zone.ts";

export interface AccessCircumstances {
  /** The client's: the peer's, or what a trusted proxy says of its own. */
  address: string;
  /** By the database's clock. */
  now: Date;
}

/** The index of the condition that decided; undefined when none matched. */
export interface AccessJudgement {
  isAllowed: boolean;
  condition: number | undefined;
}

/** A condition that denies and matches decides; then, if any allow, one of them must match. */
export function judgeAccessPolicy(policy: AccessPolicy, circumstances: AccessCircumstances): AccessJudgement {
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
