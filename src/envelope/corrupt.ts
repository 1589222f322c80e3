// The errors of what is stored: it does not authenticate or is malformed, or the key for it is not here.
import { CofferError } from "../domain/errors.ts";

/** Says nothing about what is wrong: whoever alters stored bytes must not learn how far they came. The cause is for the log. */
export function valueCorrupt(cause?: unknown): CofferError {
  return new CofferError(
    "VALUE_CORRUPT",
    "the stored value does not authenticate",
    {},
    cause === undefined ? {} : { cause },
  );
}

/** The value may be sound: nothing was tried. The id of the key is for the log. */
export function rootKeyMissing(rootKeyId: string, heldIds: readonly string[]): CofferError {
  const cause = new Error(`the root keyring lacks the key ${rootKeyId}; it holds ${heldIds.join(", ")}`);
  return new CofferError(
    "ROOT_KEY_MISSING",
    "this instance lacks the root key for this; the log names the key",
    {},
    { cause, retryDelayMs: 1_000 },
  );
}
