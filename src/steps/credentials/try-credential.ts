// Tries the credential of a claimed secret, and returns the result to store.

import { jitteredMs, retryDelayMs } from "../../domain/credential/validation.ts";
import { assertNever, CofferError } from "../../domain/error/errors.ts";
import type { RandomBytes } from "../../domain/random.ts";
import type { Verdict } from "../../probes/probe.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { ValidationClaim, ValidationResult } from "../../store/validations.ts";
import { type OpenCredentialDeps, type Opener, openCredential } from "./open-credential.ts";

export type TryCredentialDeps = OpenCredentialDeps & Pick<Deps, "prober">;

/** A claim ends by itself after this time. A try takes less. */
export const leaseMs = 30_000;

/** Fails as openCredential and Prober.probe do. */
export async function tryCredential(
  deps: TryCredentialDeps,
  opener: Opener,
  claim: ValidationClaim,
  signal?: AbortSignal,
): Promise<ValidationResult> {
  // A value that cannot be tried is not opened.
  const obstacle = deps.prober.obstacleTo(claim.kind);
  if (obstacle !== undefined) return untilNextTime(deps, { error: obstacle });
  const parts = await openCredential(deps, opener, claim).catch(vaultSentence);
  // A failed external vault says as little about the credential as a failed service.
  if (typeof parts === "string") return soonAgain(deps, claim, parts);
  return resultOf(deps, claim, await deps.prober.probe(claim.kind, parts, signal));
}

/** Returns why an external vault did not return the value. Throws all other errors again. */
function vaultSentence(error: unknown): string {
  if (error instanceof CofferError && "vault_connection_id" in error.metadata) return error.message;
  throw error;
}

function resultOf(deps: TryCredentialDeps, claim: ValidationClaim, verdict: Verdict): ValidationResult {
  switch (verdict.state) {
    case "VALID":
      return untilNextTime(deps, { state: "VALID", error: "" });
    case "INVALID":
      return untilNextTime(deps, { state: "INVALID", error: verdict.error });
    case "UNKNOWN":
      return verdict.isWorthRetrying
        ? soonAgain(deps, claim, verdict.error)
        : { state: undefined, error: verdict.error, failures: 0, nextAfterMs: undefined };
    default:
      return assertNever(verdict);
  }
}

function untilNextTime(
  { prober, random }: Pick<Deps, "prober" | "random">,
  found: { state?: ValidationResult["state"]; error: string },
): ValidationResult {
  const nextAfterMs = jitteredMs(prober.revalidateAfterMs, fractionFrom(random));
  return { state: found.state, error: found.error, failures: 0, nextAfterMs };
}

/** Returns the result of a try without a definite answer. */
export function soonAgain({ random }: Pick<Deps, "random">, claim: ValidationClaim, error: string): ValidationResult {
  const failures = claim.failures + 1;
  const nextAfterMs = jitteredMs(retryDelayMs(failures), fractionFrom(random));
  return { state: undefined, error, failures, nextAfterMs };
}

function fractionFrom(random: RandomBytes): number {
  const [high = 0, low = 0] = random(2);
  return (high * 256 + low) / 65_535;
}

/** Fails with VALIDATION_OFF if this deployment does not validate credentials. */
export function checkValidationOn({ isOn }: { isOn: boolean }): void {
  if (!isOn)
    throw new CofferError(
      "VALIDATION_OFF",
      "credentials cannot be tried: this server has validation off (COFFER_VALIDATION)",
    );
}
