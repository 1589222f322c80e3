// The result of validating a credential, and the time of the next validation.

export type ValidationState = "UNSPECIFIED" | "VALID" | "INVALID";

/** The state of the current version of a secret. A new current version starts at UNSPECIFIED. */
export interface Validation {
  state: ValidationState;
  /** The time of the last validation, also of a failed one; undefined before the first. */
  validateTime: Date | undefined;
  /** The reason why it is not VALID or could not be validated: coffer's own sentence, without any part of the value. */
  error: string;
}

const retryMinMs = 60_000;
const retryMaxMs = 24 * 3_600_000;
/** Delays vary by this fraction in both directions, so that secrets that were created together are not validated together for ever. */
const jitter = 0.2;

/** Doubles with each consecutive failure, from a minute to a day. */
export function retryDelayMs(failures: number): number {
  return Math.min(retryMinMs * 2 ** Math.min(failures - 1, 30), retryMaxMs);
}

/** `fraction`: random, from 0 to 1. */
export function jitteredMs(delayMs: number, fraction: number): number {
  return Math.round(delayMs * (1 - jitter + 2 * jitter * fraction));
}
