// What is known of a credential from trying it, and when it is tried again.

export type ValidationState = "UNSPECIFIED" | "VALID" | "INVALID";

/** About the current version of a secret; another current version begins at UNSPECIFIED. */
export interface Validation {
  state: ValidationState;
  /** When that was found out, or last tried in vain; undefined before the first try. */
  validateTime: Date | undefined;
  /** Why it is not VALID, or could not be tried again: a sentence of coffer's own, without anything of the value. */
  error: string;
}

const retryMinMs = 60_000;
const retryMaxMs = 24 * 3_600_000;
/** Delays differ by so much in either direction, so that secrets made together are not tried together for ever. */
const jitter = 0.2;

/** Doubles with each failure in a row, from a minute to a day. */
export function retryDelayMs(failures: number): number {
  return Math.min(retryMinMs * 2 ** Math.min(failures - 1, 30), retryMaxMs);
}

/** `fraction`: random, from 0 to 1. */
export function jitteredMs(delayMs: number, fraction: number): number {
  return Math.round(delayMs * (1 - jitter + 2 * jitter * fraction));
}
