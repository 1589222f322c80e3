// The one error of everything stored that does not authenticate or is malformed.
import { CofferError } from "../domain/error/errors.ts";

/** Says nothing about what is wrong: whoever alters stored bytes must not learn how far they came. The cause is for the log. */
export function valueCorrupt(cause?: unknown): CofferError {
  return new CofferError(
    "VALUE_CORRUPT",
    "the stored value does not authenticate",
    {},
    cause === undefined ? {} : { cause },
  );
}
