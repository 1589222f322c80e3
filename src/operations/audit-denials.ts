// Denials in the audit trail: the first at once, and what repeats it within seconds as one event that counts.
import type { AuditEvent, AuditSubject } from "../domain/audit-event.ts";
import type { Caller } from "../domain/caller.ts";
import type { CofferError } from "../domain/errors.ts";
import { newId } from "../domain/ids.ts";
import type { RandomBytes } from "../domain/random.ts";
import { type AuditTrail, auditEvent } from "./audit-trail.ts";

export interface DenialLog {
  /** Writes behind the answer: a denial reveals nothing that would have to wait for it. */
  record(caller: Caller, denial: CofferError, subject: AuditSubject): void;
  /** Writes what is still being counted. */
  flush(): Promise<void>;
}

const windowMs = 10_000;
const openWindowsMax = 10_000;

export function createDenialLog(
  deps: { now: () => Date; random: RandomBytes; audit: AuditTrail },
  onLost: (error: unknown) => void,
): DenialLog {
  const counting = new Map<string, { event: AuditEvent; repeats: number; timer: NodeJS.Timeout }>();

  function close(key: string): Promise<void> {
    const window = counting.get(key);
    counting.delete(key);
    if (!window || window.repeats === 0) return Promise.resolve();
    clearTimeout(window.timer);
    const eventId = newId("aud", deps.now(), deps.random);
    return deps.audit.record({ ...window.event, eventId, occurrences: window.repeats }).catch(onLost);
  }

  return {
    record(caller, denial, subject) {
      const event = denialEvent(deps, caller, denial, subject);
      const { workspaceId, principalId, tokenId, method, address, rule } = event;
      // Whose row does not authenticate is worth an event each; what was denied the caller may have made up.
      const id = denial.reason === "VALUE_CORRUPT" ? event.resourceId : (denial.metadata["id"] ?? "");
      const key = [workspaceId, principalId, tokenId, method, address, rule, id].join("\n");
      const window = counting.get(key);
      if (window) {
        window.repeats++;
        return;
      }
      if (counting.size < openWindowsMax) {
        const timer = setTimeout(() => void close(key), windowMs);
        timer.unref();
        counting.set(key, { event, repeats: 0, timer });
      }
      deps.audit.record(event).catch(onLost);
    },
    async flush() {
      await Promise.all([...counting.keys()].map(close));
    },
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
