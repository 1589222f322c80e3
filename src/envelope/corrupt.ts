// The error for stored bytes that do not authenticate or are malformed.
import { CofferError } from "../domain/error/errors.ts";

/** The message gives no details, because an attacker who changes stored bytes must not learn how far the check came. The cause is for the log. */
export function valueCorrupt(cause?: unknown): CofferError {
  return new CofferError(
    "VALUE_CORRUPT",
    "the stored value does not authenticate",
    {},
    cause === undefined ? {} : { cause },
  );
}
