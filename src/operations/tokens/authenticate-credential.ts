// Tells credentials apart by their shape: a JWT has dots, an API token has none.
import type { Deps } from "../../deps.ts";
import type { Identity } from "../../domain/caller.ts";
import { type AuthenticateTokenDeps, authenticateToken } from "./authenticate.ts";

export type AuthenticateCredentialDeps = AuthenticateTokenDeps & Pick<Deps, "jwtIdentities">;

/** Fails with CREDENTIAL_INVALID, and for a JWT with ISSUER_UNAVAILABLE. `beforeLookup` may refuse what may be a guess. */
export async function authenticateCredential(
  deps: AuthenticateCredentialDeps,
  text: string,
  beforeLookup: () => Promise<void>,
): Promise<Identity> {
  return text.includes(".") ? deps.jwtIdentities.get(text, beforeLookup) : authenticateToken(deps, text, beforeLookup);
}
