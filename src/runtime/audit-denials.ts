// Denials in the audit trail: the first at once, and what repeats it within seconds as one event that counts.
import type { AuditEvent, AuditSubject } from "../domain/audit/audit-event.ts";
import type { CofferError } from "../domain/error/errors.ts";
import { newId } from "../domain/ids.ts";
import type { RandomBytes } from "../domain/random.ts";
import type { Caller } from "../domain/workspace/caller.ts";
import { type AuditTrail, auditEvent } from "./audit-trail.ts";
import { createRepeatFold } from "./repeat-fold.ts";

export interface DenialLog {
  /** Writes behind the answer: a denial reveals nothing that would have to wait for it. */
  record(caller: Caller, denial: CofferError, subject: AuditSubject): void;
  /** Writes what is still being counted. */
  flush(): Promise<void>;
}

/** Of one caller. */
const kindsMax = 100;

export function createDenialLog(
  deps: { now: () => Date; random: RandomBytes; audit: AuditTrail },
  onLost: (error: unknown) => void,
): DenialLog {
  const events = createRepeatFold<AuditEvent>({
    kindsMax,
    write: (event) => deps.audit.record(event),
    fold({ versionNumber, ...event }, occurrences, isMixed) {
      const subject = isMixed ? { resourceId: "*" } : versionNumber === undefined ? {} : { versionNumber };
      return { ...event, ...subject, eventId: newId("aud", deps.now(), deps.random), occurrences };
    },
    onLost,
  });
  return {
    record(caller, denial, subject) {
      const event = denialEvent(deps, caller, denial, subject);
      const { workspaceId, principalId, tokenId, method, address, rule } = event;
      // Each row that does not authenticate gets an event. Denials may be counted together: the caller can make up their ids.
      const id = denial.reason === "VALUE_CORRUPT" ? event.resourceId : (denial.metadata["id"] ?? "");
      const group = [workspaceId, principalId, tokenId, address].join("\n");
      events.add(group, [method, rule, id].join("\n"), event)?.catch(onLost);
    },
    flush: events.flush,
  };
}

/** One denial; its rule is the permission that is missing, the condition of an access policy, or else the reason. */
export function denialEvent(
  deps: { now: () => Date; random: RandomBytes },
  caller: Caller,
  { reason, metadata }: CofferError,
  subject: AuditSubject,
): AuditEvent {
  const { permission, condition } = metadata;
  const rule = permission ?? (condition === undefined ? reason : `access_policy:${condition}`);
  return auditEvent(deps, caller, { decision: "DENY", rule, result: reason }, subject);
}
