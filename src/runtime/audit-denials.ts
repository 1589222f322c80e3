// Writes denials to the audit trail: the first at once, its repeats within seconds as one event that counts them.

import type { AuditEvent, AuditSubject } from "../domain/audit/audit-event.ts";
import type { CofferError } from "../domain/error/errors.ts";
import { newId } from "../domain/ids.ts";
import type { Caller } from "../domain/workspace/caller.ts";
import type { RandomPort, TimePort } from "../ports.ts";
import { type AuditTrail, auditEvent } from "./audit-trail.ts";
import { createRepeatFold } from "./repeat-fold.ts";

export interface DenialLog {
  /** Does not delay the answer, because a denial reveals nothing. */
  record(caller: Caller, denial: CofferError, subject: AuditSubject): void;
  /** Writes the denials that are still being counted. */
  flush(): Promise<void>;
}

/** The different denials of one caller that are counted separately. */
const kindsMax = 100;

export function createDenialLog(
  deps: TimePort & RandomPort & { audit: AuditTrail },
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
      // Each row that does not authenticate gets its own event. Other denials may share one, because callers can invent ids.
      const id = denial.reason === "VALUE_CORRUPT" ? event.resourceId : (denial.metadata["id"] ?? "");
      const group = [workspaceId, principalId, tokenId, address].join("\n");
      events.add(group, [method, rule, id].join("\n"), event)?.catch(onLost);
    },
    flush: events.flush,
  };
}

/** The rule of the event is the missing permission, the condition of the access policy, or else the reason. */
export function denialEvent(
  deps: TimePort & RandomPort,
  caller: Caller,
  { reason, metadata }: CofferError,
  subject: AuditSubject,
): AuditEvent {
  const { permission, condition } = metadata;
  const rule = permission ?? (condition === undefined ? reason : `access_policy:${condition}`);
  return auditEvent(deps, caller, { decision: "DENY", rule, result: reason }, subject);
}
