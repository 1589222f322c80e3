// Limits of failures: an address that guesses is stopped before its guesses cost anything.

/** Counts failures of an address, always in this instance: guessing is stopped before it costs a lookup. */
export interface FailureLimit {
  /** Milliseconds until the address may try again; undefined: now. */
  blockedForMs(address: string): Promise<number | undefined>;
  count(address: string): Promise<void>;
}

/** Two of them, so that what guesses badly does not lock out whoever shares its address. */
export interface FailureLimits {
  /** Of requests with no credential, or with what cannot be one. */
  malformed: FailureLimit;
  /** Of look-ups of well-formed credentials that found nothing. */
  lookups: FailureLimit;
}
