// One timer for all streams that check something at intervals.

export interface SharedTicks {
  /** Resolves at the next tick, for all streams at once. */
  next(): Promise<void>;
}

/** When `stopping` aborts, the tick comes at once. */
export function createSharedTicks(intervalMs: number, stopping: AbortSignal): SharedTicks {
  let tick: Promise<void> | undefined;
  return {
    next() {
      tick ??= new Promise<void>((resolve) => {
        const fire = () => {
          clearTimeout(timer);
          stopping.removeEventListener("abort", fire);
          tick = undefined;
          resolve();
        };
        const timer = setTimeout(fire, intervalMs);
        timer.unref();
        if (stopping.aborted) fire();
        else stopping.addEventListener("abort", fire);
      });
      return tick;
    },
  };
}
