// Counts within a window of time that begins with the first count, alone or together with other processes.
import type { SharedCount } from "../domain/shared-count.ts";

export interface WindowCount {
  /** Returns the count as far as this process knows it. */
  count(): number;
  leftMs(): number;
  /** Counts one. Returns the count of all processes. */
  next(): Promise<number>;
  /** Counts in this process at once, and in the shared count soon. */
  add(count: number): void;
  /** Adds the counts of this process to the shared count, and reads it. */
  share(): Promise<void>;
  /** Shares the counts that are not shared yet. */
  flush(): Promise<void>;
}

/** The delay of the shared count. */
const untoldMs = 100;
/** The delay after Redis did not answer. */
const retryMs = 1_000;

/** While Redis does not answer, this process continues from the last known count. `nowMs` is a monotonic clock. */
export function createWindowCount(
  lengthMs: number,
  shared: ((count: number) => ReturnType<SharedCount["add"]>) | undefined,
  nowMs: () => number,
): WindowCount {
  let counted = 0;
  let endMs = 0;
  /** The count that Redis confirmed, or that this process knows while Redis does not answer. */
  let confirmed = 0;
  let untold = 0;
  let telling: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  function begin(): void {
    if (nowMs() < endMs) return;
    counted = 0;
    confirmed = 0;
    untold = 0;
    endMs = nowMs() + lengthMs;
  }

  async function ask(count: number): Promise<number | undefined> {
    const startMs = nowMs();
    const answer = await shared?.(count);
    if (!answer) return undefined;
    if (startMs < endMs && answer.count < confirmed + count) {
      // Redis reports fewer than this process knows: it was emptied. The window does not start again.
      confirmed += count;
    } else {
      confirmed = answer.count;
      // Measured from before the call, so that it does not end later than the window in Redis.
      endMs = startMs + answer.leftMs;
    }
    counted = confirmed + untold;
    return confirmed;
  }

  async function tell(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const told = untold;
    untold = 0;
    const isTold = (await ask(told)) !== undefined;
    if (!isTold) untold += told;
    telling = undefined;
    shareIn(isTold ? untoldMs : retryMs);
  }

  function shareIn(ms: number): void {
    if (!shared || untold === 0) return;
    timer ??= setTimeout(() => {
      timer = undefined;
      void share();
    }, ms).unref();
  }

  function share(): Promise<void> {
    begin();
    telling ??= tell();
    return telling;
  }

  return {
    count() {
      begin();
      return counted;
    },
    leftMs: () => endMs - nowMs(),
    async next() {
      begin();
      const own = ++counted;
      const count = await ask(1);
      if (count === undefined) confirmed = Math.max(confirmed, own);
      return count ?? own;
    },
    add(count) {
      begin();
      counted += count;
      untold += count;
      shareIn(untoldMs);
    },
    share,
    async flush() {
      await telling;
      if (untold > 0) await share();
    },
  };
}
