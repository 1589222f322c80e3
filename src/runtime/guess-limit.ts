// The interface by which the lookup of a credential counts guesses.
import { CofferError } from "../domain/error/errors.ts";

export interface GuessLimit {
  /** Call it before the lookup. Fails with RATE_LIMITED when the address has guessed too often. */
  beforeLookup(): Promise<void>;
  /** Call it for a credential that is not found or has a wrong secret. Fails with RATE_LIMITED as above. */
  failed(): Promise<void>;
}

export function invalidCredential(): CofferError {
  return new CofferError("CREDENTIAL_INVALID", "the credential is not valid");
}
