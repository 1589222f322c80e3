// The state of a running call, shared by the code that waits for it and the code that does it.

export interface CallProgress {
  /** The caller's deadline on the monotonic clock; undefined: none. */
  readonly deadlineMs: number | undefined;
  /** A COMMIT was sent and has no answer yet, so the outcome is unknown. */
  isOutcomeOpen: boolean;
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal;
}
