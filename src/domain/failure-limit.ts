// Limits the failures of an address, so that guesses do not cost look-ups.

/** Counts failures of an address in this instance. */
export interface FailureLimit {
  /** Milliseconds until the address may try again; undefined: now. */
  blockedForMs(address: string): Promise<number | undefined>;
  count(address: string): Promise<void>;
}

/** Two limits, so that a client with malformed credentials does not lock out others that share its address. */
export interface FailureLimits {
  /** Counts requests without a credential or with a malformed one. */
  malformed: FailureLimit;
  /** Counts look-ups of well-formed credentials that found nothing. */
  lookups: FailureLimit;
}
