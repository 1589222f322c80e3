// Notes that are written behind the answers: what comes within the delay goes in one statement, each thing once.

export interface WriteBehind<T> {
  /** `key` tells one thing from another. */
  add(key: string, item: T): void;
  /** Writes what is still to be written. */
  flush(): Promise<void>;
}

const itemsPerStatementMax = 1_000;

/** Losing some of these notes at a crash must be no harm. `onLost` hears of it. */
export function createWriteBehind<T>(options: {
  delayMs: number;
  write: (items: T[]) => Promise<void>;
  onLost: (error: unknown) => void;
}): WriteBehind<T> {
  const noted = new Map<string, T>();
  let timer: NodeJS.Timeout | undefined;

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    // In one order everywhere, so that two instances never wait for each other in a circle.
    const items = [...noted.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
    noted.clear();
    for (let start = 0; start < items.length; start += itemsPerStatementMax) {
      await options.write(items.slice(start, start + itemsPerStatementMax)).catch(options.onLost);
    }
  }

  return {
    add(key, item) {
      noted.set(key, item);
      timer ??= setTimeout(() => void flush(), options.delayMs).unref();
    },
    flush,
  };
}
