// Tries credentials in the background, a few at a time. What is lost from it is still due in the database, and a job finds it.
import { type AuditEvent, systemPrincipalId } from "../../domain/audit-event.ts";
import { CofferError } from "../../domain/errors.ts";
import { newId } from "../../domain/ids.ts";
import {
  claimValidation,
  finishValidation,
  releaseValidation,
  type SecretKey,
  type ValidationClaim,
} from "../../store/validations.ts";
import { authorizeSystem } from "../authorize.ts";
import type { Opener } from "./open-credential.ts";
import { leaseMs, soonAgain, type TryCredentialDeps, tryCredential } from "./try-credential.ts";

export interface ValidationQueue {
  /** Has a secret tried soon, if it is due. Never waits and never fails. */
  enqueue(secret: SecretKey): void;
  /** Ends the tries that are under way, whose secrets stay due, and begins no others. */
  close(): Promise<void>;
}

const atOnceMax = 4;
const waitingMax = 1_000;

/** `onFailed` hears of faults of coffer's own, which leave a secret due. */
export function createValidationQueue(deps: TryCredentialDeps, onFailed: (error: unknown) => void): ValidationQueue {
  const waiting = new Map<string, SecretKey>();
  const running = new Set<Promise<void>>();
  const stopping = new AbortController();

  async function work(): Promise<void> {
    // The call that has something tried is answered first.
    await new Promise((resolve) => setImmediate(resolve));
    for (let next = first(waiting); next && !stopping.signal.aborted; next = first(waiting)) {
      waiting.delete(keyOf(next));
      await validateIfDue(deps, next, stopping.signal).catch(onFailed);
    }
  }

  return {
    enqueue(secret) {
      if (!deps.prober.isOn || stopping.signal.aborted || waiting.size >= waitingMax) return;
      waiting.set(keyOf(secret), secret);
      if (running.size >= atOnceMax) return;
      const worker: Promise<void> = work().finally(() => void running.delete(worker));
      running.add(worker);
    },
    async close() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

function keyOf({ workspaceId, secretId }: SecretKey): string {
  return `${workspaceId} ${secretId}`;
}

function first(waiting: ReadonlyMap<string, SecretKey>): SecretKey | undefined {
  return waiting.values().next().value;
}

async function validateIfDue(deps: TryCredentialDeps, secret: SecretKey, signal: AbortSignal): Promise<void> {
  const claim = await claimValidation(deps.database.once, secret, { leaseMs, onlyIfDue: true });
  if (!claim) return;
  try {
    await finishValidation(deps.database, claim, await tryCredential(deps, systemOpener(deps, claim), claim, signal));
  } catch (error) {
    // A stop, and too many tries at this moment, are no fault of the credential.
    const isPassing = signal.aborted || (error instanceof CofferError && error.reason === "RATE_LIMITED");
    await (isPassing
      ? releaseValidation(deps.database, claim)
      : finishValidation(deps.database, claim, soonAgain(deps, claim, "it could not be tried")));
    if (!isPassing) throw error;
  }
}

/** Nobody's call: the system opens the credential, because it is due. */
function systemOpener(deps: TryCredentialDeps, { workspaceId, secretId, currentVersion }: ValidationClaim): Opener {
  const grant = authorizeSystem(workspaceId, "secrets.use");
  const requestId = newId("req", deps.now(), deps.random);
  const eventOf = (result: string): AuditEvent => ({
    eventId: newId("aud", deps.now(), deps.random),
    workspaceId,
    requestId,
    principalId: systemPrincipalId,
    tokenId: "",
    method: "coffer.jobs/RevalidateCredentials",
    resourceType: "secret",
    resourceId: secretId,
    versionNumber: currentVersion,
    decision: "ALLOW",
    rule: grant.rule,
    address: "",
    userAgent: "",
    result,
    occurrences: 1,
  });
  return { grant, eventOf };
}
