// Tries a credential that is due, without a caller.
import { type AuditEvent, systemPrincipalId } from "../../domain/audit/audit-event.ts";
import { CofferError } from "../../domain/error/errors.ts";
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

/** Does nothing if it is not due. Fails as tryCredential does. After a temporary failure the credential stays due. */
export async function tryIfDue(deps: TryCredentialDeps, secret: SecretKey, signal: AbortSignal): Promise<void> {
  const claim = await claimValidation(deps.database.once, secret, { leaseMs, onlyIfDue: true });
  if (!claim) return;
  try {
    await finishValidation(deps.database, claim, await tryCredential(deps, systemOpener(deps, claim), claim, signal));
  } catch (error) {
    // A shutdown or too many concurrent tries say nothing about the credential.
    const isPassing = signal.aborted || (error instanceof CofferError && error.reason === "RATE_LIMITED");
    await (isPassing
      ? releaseValidation(deps.database, claim)
      : finishValidation(deps.database, claim, soonAgain(deps, claim, "it could not be tried")));
    if (!isPassing) throw error;
  }
}

/** There is no caller: the system opens the credential, because it is due. */
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
