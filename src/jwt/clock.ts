// The two clocks for JWTs: one to check claims against, and a monotonic one.

export interface Clock {
  now: () => Date;
  /** Monotonic. */
  nowMs: () => number;
}
