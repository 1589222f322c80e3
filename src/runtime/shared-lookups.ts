// Concurrent calls for the same key share one lookup. It begins after each of them has asked, so no answer is old.

/** Calls with the same `key` must look up the same thing. */
export type SharedLookups = <T>(key: string, lookUp: () => Promise<T>) => Promise<T>;

interface Asked {
  running: Promise<unknown>;
  /** Begins when `running` has ended. */
  next: Promise<unknown> | undefined;
}

export function createSharedLookups(): SharedLookups {
  const asked = new Map<string, Asked>();

  const begin = <T>(key: string, lookUp: () => Promise<T>): Promise<T> => {
    const running = lookUp();
    const entry: Asked = { running, next: undefined };
    asked.set(key, entry);
    const forget = () => {
      if (asked.get(key) === entry && !entry.next) asked.delete(key);
    };
    running.then(forget, forget);
    return running;
  };

  return <T>(key: string, lookUp: () => Promise<T>): Promise<T> => {
    const entry = asked.get(key);
    if (!entry) return begin(key, lookUp);
    const beginNext = () => begin(key, lookUp);
    entry.next ??= entry.running.then(beginNext, beginNext);
    // The same key is always asked for with the same type.
    return entry.next as Promise<T>;
  };
}
