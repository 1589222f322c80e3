// Tries the credential of a secret that is claimed, and says what is to be noted of it.

import { jitteredMs, retryDelayMs } from "../../domain/credential/validation.ts";
import { assertNever, CofferError } from "../../domain/error/errors.ts";
import type { RandomBytes } from "../../domain/random.ts";
import type { Verdict } from "../../probes/probe.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { ValidationClaim, ValidationResult } from "../../store/validations.ts";
import { type OpenCredentialDeps, type Opener, openCredential } from "./open-credential.ts";

export type TryCredentialDeps = OpenCredentialDeps & Pick<Deps, "prober">;

/** How long a claim holds when nobody ends it: longer than a try can take. */
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
  // Where the value is elsewhere, not having it tells as little of it as not reaching its service.
  if (typeof parts === "string") return soonAgain(deps, claim, parts);
  return resultOf(deps, claim, await deps.prober.probe(claim.kind, parts, signal));
}

/** Why a vault did not give the value; anything else is thrown again. */
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

/** What is said of a claim whose try told nothing. */
export function soonAgain({ random }: Pick<Deps, "random">, claim: ValidationClaim, error: string): ValidationResult {
  const failures = claim.failures + 1;
  const nextAfterMs = jitteredMs(retryDelayMs(failures), fractionFrom(random));
  return { state: undefined, error, failures, nextAfterMs };
}

function fractionFrom(random: RandomBytes): number {
  const [high = 0, low = 0] = random(2);
  return (high * 256 + low) / 65_535;
}
