// How long to wait before something is tried again inside of a call.

/** Grows with each attempt, and differs, so that those who failed together do not come back together. */
export function retryDelayMs(attempts: number): number {
  return attempts * (10 + Math.random() * 40);
}
