// What those who wait for a call and those who work for it tell each other.

export interface CallProgress {
  /** On the monotonic clock: nobody waits for the answer any longer than that. Undefined: no deadline. */
  readonly deadlineMs: number | undefined;
  /** A change is being committed: until the database answers, nobody knows whether it is done. */
  isOutcomeOpen: boolean;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}
