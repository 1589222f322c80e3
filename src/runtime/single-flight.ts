// Runs one of several equal calls while the others wait, so that they do not hold connections that it needs.

export interface SingleFlight {
  /**
   * Runs `work` when nothing else runs under `key`. Otherwise waits, at most `waitMs`: calls `work(true)` if the other run
   * has succeeded, and returns undefined if it is still running.
   */
  run<T>(key: string, waitMs: number, work: (otherSucceeded: boolean) => Promise<T>): Promise<T | undefined>;
}

export function createSingleFlight(): SingleFlight {
  const running = new Map<string, Promise<boolean>>();
  return {
    async run(key, waitMs, work) {
      const end = performance.now() + waitMs;
      for (let other = running.get(key); other; other = running.get(key)) {
        const succeeded = await within(end - performance.now(), other);
        if (succeeded === undefined) return undefined;
        if (succeeded) return work(true);
      }
      const own = work(false);
      running.set(
        key,
        own.then(
          () => true,
          () => false,
        ),
      );
      try {
        return await own;
      } finally {
        running.delete(key);
      }
    },
  };
}

async function within<T>(waitMs: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), waitMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
