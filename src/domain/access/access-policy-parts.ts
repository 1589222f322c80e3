// Checks the parts of an access policy in a request, brings them into normal form and collects every broken rule.

import { type FieldViolation, failOn } from "../error/errors.ts";
import type { AccessCondition, AccessEffect, AccessPolicy, IpCondition, TimeCondition } from "./access-policy.ts";
import { normalRange } from "./ip-range.ts";
import { isTimeZone } from "./time-zone.ts";

/** Collects violations. The value of a part with a violation is meaningless. */
export type Violations = FieldViolation[];

const conditionsMax = 32;
const cidrsMax = 64;
const hourMax = 23;

/** Fails with FIELD_INVALID if there are violations. `field` is the name of the list in the request. */
export function policyOf(conditions: readonly AccessCondition[], found: Violations, field: string): AccessPolicy {
  if (conditions.length === 0) found.push({ field, description: "must not be empty; leave the policy out for none" });
  if (conditions.length > conditionsMax) {
    found.push({ field, description: `must be at most ${conditionsMax} conditions` });
  }
  failOn(found);
  return { conditions };
}

export function ipCondition(effect: AccessEffect, cidrs: unknown, found: Violations, field: string): IpCondition {
  const list: unknown[] = Array.isArray(cidrs) ? cidrs : [];
  if (list.length === 0 || list.length > cidrsMax) {
    found.push({ field, description: `must be a list of 1 to ${cidrsMax} addresses or CIDR ranges` });
    return { type: "ip", effect, cidrs: [] };
  }
  return { type: "ip", effect, cidrs: list.map((cidr, index) => cidrOf(cidr, found, `${field}[${index}]`)) };
}

function cidrOf(cidr: unknown, found: Violations, field: string): string {
  const normal = typeof cidr === "string" ? normalRange(cidr) : undefined;
  if (normal !== undefined) return normal;
  found.push({
    field,
    description: "must be an IPv4 or IPv6 address, or a CIDR range with no bit set behind its prefix",
  });
  return "";
}

/** The parts of a time window in a request. */
export interface TimeParts {
  startHour: unknown;
  endHour: unknown;
  timezone: unknown;
}

export function timeCondition(
  effect: AccessEffect,
  parts: TimeParts,
  found: Violations,
  fields: Record<keyof TimeParts, string>,
): TimeCondition {
  const startHour = hourOf(parts.startHour, found, fields.startHour);
  const endHour = hourOf(parts.endHour, found, fields.endHour);
  if (startHour === endHour && startHour !== -1) {
    found.push({
      field: fields.endHour,
      description: "must be another hour than the first: neither none nor all is a window",
    });
  }
  const { timezone } = parts;
  const isKnown = typeof timezone === "string" && isTimeZone(timezone);
  if (!isKnown) found.push({ field: fields.timezone, description: "must be an IANA time zone" });
  return { type: "time", effect, startHour, endHour, timezone: isKnown ? timezone : "" };
}

/** Returns -1 if `hour` is not valid. */
function hourOf(hour: unknown, found: Violations, field: string): number {
  if (typeof hour === "number" && Number.isInteger(hour) && hour >= 0 && hour <= hourMax) return hour === 0 ? 0 : hour;
  found.push({ field, description: `must be a whole number from 0 to ${hourMax}` });
  return -1;
}
