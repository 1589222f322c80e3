// ValidateCredential: tries the current version of a credential now, and notes what came of it.
import { setTimeout as sleep } from "node:timers/promises";
import { CofferError } from "../../domain/error/errors.ts";
import { checkActive, type Secret } from "../../domain/secret/secret.ts";
import { versionNotFound } from "../../domain/secret/version.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { auditEvent } from "../../runtime/audit-trail.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorizeFound } from "../../steps/authorize.ts";
import {
  checkValidationOn,
  leaseMs,
  type TryCredentialDeps,
  tryCredential,
} from "../../steps/credentials/try-credential.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { authorizeSecret } from "../../steps/secrets/authorize-secret.ts";
import { findSecretOrFail, secretById } from "../../steps/secrets/find.ts";
import { refOf, type SecretRefInput } from "../../steps/secrets/secret-ref.ts";
import { claimValidation, finishValidation, releaseValidation, type ValidationClaim } from "../../store/validations.ts";

export type ValidateCredentialDeps = MutationDeps & TryCredentialDeps & Pick<Deps, "regions">;

// Longer than a try that is under way can take.
const waitForOtherMs = 12_000;
const lookAgainMs = 100;

/** Fails with VALIDATION_OFF, SECRET_*, NO_CREDENTIAL, VERSION_NOT_FOUND, CONCURRENT_CHANGE, or as tryCredential does. */
export async function validateCredential(
  deps: ValidateCredentialDeps,
  caller: Caller,
  input: SecretRefInput,
): Promise<MutationResult<Secret>> {
  const grant = await authorizeSecret(deps, caller, "secrets.use", input);
  checkValidationOn(deps.prober);
  const { workspaceId } = grant;
  const ref = refOf(deps, input);
  return mutate(deps, caller, {
    grant,
    async prepare() {
      const secret = await findSecretOrFail(deps, deps.database, workspaceId, ref);
      authorizeFound(caller, "secrets.use", secret);
      checkTriable(secret);
      const claim = await claimOrWait(deps, secret);
      const { secretId: resourceId, currentVersion: versionNumber } = claim;
      const subject = { resourceType: "secret", resourceId, versionNumber } as const;
      const eventOf = (result: string) =>
        auditEvent(deps, caller, { decision: "ALLOW", rule: grant.rule, result }, subject);
      try {
        return { subject, claim, result: await tryCredential(deps, { grant, eventOf }, claim) };
      } catch (error) {
        await releaseValidation(deps.database, claim);
        throw error;
      }
    },
    async apply(tx, { claim, result }) {
      await finishValidation(tx, claim, result);
      return secretById(deps, caller, grant)(tx, claim.secretId);
    },
    replay: secretById(deps, caller, grant),
  });
}

function checkTriable(secret: Secret): void {
  checkActive(secret);
  if (secret.validation === undefined) {
    throw new CofferError("NO_CREDENTIAL", `secrets of kind ${secret.kind} are not credentials and cannot be tried`, {
      kind: secret.kind,
    });
  }
  if (secret.currentVersion === 0) throw versionNotFound();
}

/** One try at a time: one that is under way is waited for. */
async function claimOrWait({ database }: Pick<Deps, "database">, secret: Secret): Promise<ValidationClaim> {
  const end = performance.now() + waitForOtherMs;
  do {
    const claim = await claimValidation(database.once, secret, { leaseMs, onlyIfDue: false });
    if (claim) return claim;
    await sleep(lookAgainMs);
  } while (performance.now() < end);
  const message = "this credential is being tried by somebody else";
  throw new CofferError("CONCURRENT_CHANGE", message, { id: secret.secretId }, { retryDelayMs: 1_000 });
}
