// Tells credentials apart by their shape: a JWT has dots, an API token has none.

import type { Identity } from "../../domain/workspace/caller.ts";
import { isCompactForm } from "../../jwt/compact.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { GuessLimit } from "../../runtime/guess-limit.ts";
import { parseTokenText } from "../../steps/tokens/token-text.ts";
import { type AuthenticateTokenDeps, authenticateToken, authenticateTokenNow } from "./authenticate.ts";

export type AuthenticateCredentialDeps = AuthenticateTokenDeps & Pick<Deps, "jwtIdentities">;

/** Fails with CREDENTIAL_INVALID, and for a JWT with ISSUER_UNAVAILABLE. */
export async function authenticateCredential(
  deps: AuthenticateCredentialDeps,
  text: string,
  guesses: GuessLimit,
): Promise<Identity> {
  return text.includes(".") ? deps.jwtIdentities.get(text, guesses) : authenticateToken(deps, text, guesses);
}

/** Returns the identity of an API token that is in memory; undefined for every other credential, which `authenticateCredential` must judge. */
export function authenticateNow(deps: AuthenticateCredentialDeps, text: string): Identity | undefined {
  return text.includes(".") ? undefined : authenticateTokenNow(deps, text);
}

/** Returns whether a text is a well-formed credential; others need no look-up. */
export function isWellFormedCredential(text: string): boolean {
  return text.includes(".") ? isCompactForm(text) : parseTokenText(text) !== undefined;
}
