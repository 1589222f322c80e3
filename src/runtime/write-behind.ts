// Writes items after the answers. Items that arrive within the delay share one statement; equal keys are written once.

export interface WriteBehind<T> {
  /** A later item with the same key replaces the earlier one. */
  add(key: string, item: T): void;
  /** Writes the pending items. */
  flush(): Promise<void>;
}

const itemsPerStatementMax = 1_000;

/** Only for items that a crash may lose. `onLost` is called with the error of a failed write. */
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
    // Sorted, so that two instances lock rows in the same order and cannot deadlock.
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
