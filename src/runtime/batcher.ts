// Runs one statement for many concurrent calls. Items that arrive while a statement runs go with the next one.

export interface Batcher<T, R> {
  /** Resolves with the result of the item. */
  add(item: T): Promise<R>;
  /** Resolves when every item added so far has succeeded or failed. */
  drain(): Promise<void>;
}

interface Options<T, R> {
  sizeMax: number;
  /** Items weigh together at most `weightMax`, unless one alone weighs more. */
  weight?: { of: (item: T) => number; max: number };
  /** A batch takes half of the callers, so that one half is answered while the other waits for the statement. */
  takesHalf?: boolean;
  /** While items keep arriving in each turn of the event loop, a batch waits for this time at most. 0: the first batch waits for one turn. */
  gatherMsMax?: number;
  /** Returns the results in the order of the items. */
  run: (items: readonly T[]) => Promise<readonly R[]>;
  /** Whether each item of a failed batch is run alone, because one of them may have failed the others. */
  splits?: (error: unknown) => boolean;
  /** Returns the error that callers receive for an error of `run`. */
  toError?: (error: unknown) => unknown;
}

interface Pending<T, R> {
  item: T;
  resolve: (result: R) => void;
  reject: (error: unknown) => void;
}

/** The results of a batch, before its callers know them. */
interface Outcome {
  tell(): void;
}

/** After this time without an answer the next statement runs beside the current one, on another connection. */
const patienceMs = 250;
/** Smaller batches cost more than they gain. */
const halfMin = 4;
/** One item may wait for a lock, so the others do not wait behind it. Each takes a connection. */
const aloneAtOnceMax = 4;

/** Nobody waits for a timer: an item that arrives alone is run at once. */
export function createBatcher<T, R>(options: Options<T, R>): Batcher<T, R> {
  const {
    sizeMax,
    weight,
    takesHalf = false,
    gatherMsMax = 0,
    run,
    splits = () => false,
    toError = (error) => error,
  } = options;
  const pending: Pending<T, R>[] = [];
  let working: Promise<void> | undefined;
  const batches = new Set<Promise<void>>();

  async function work(): Promise<void> {
    if (gatherMsMax === 0) await nextTurn();
    let size = 0;
    let last: Outcome | undefined;
    while (pending.length > 0) {
      // While a batch runs, the next one has its time to gather.
      if (gatherMsMax > 0 && !last) await untilNobodyJoins();
      const batch = pending.splice(0, nextSize(size));
      size = batch.length;
      const running = runBatch(batch);
      // The database works on this batch while the callers of the last one are answered.
      last?.tell();
      last = await outcomeOrPatience(running);
      if (!last) {
        track(running.then(({ tell }) => tell()));
      } else if (pending.length < size / 2) {
        // Rather wait for those who are answered now than run a small batch.
        last.tell();
        last = undefined;
      }
    }
    working = undefined;
  }

  function track(batch: Promise<void>): void {
    batches.add(batch);
    void batch.finally(() => batches.delete(batch));
  }

  /** `answered` items belonged to the previous batch. Their callers are likely to come again. */
  function nextSize(answered: number): number {
    const half = Math.max(halfMin, Math.ceil((pending.length + answered) / 2));
    const size = Math.min(pending.length, takesHalf ? half : sizeMax, sizeMax);
    if (!weight) return size;
    let total = 0;
    for (let index = 0; index < size; index++) {
      total += weight.of((pending[index] as Pending<T, R>).item);
      if (total > weight.max) return Math.max(1, index);
    }
    return size;
  }

  async function untilNobodyJoins(): Promise<void> {
    const deadline = performance.now() + gatherMsMax;
    for (let before = 0; before < pending.length && performance.now() < deadline; ) {
      before = pending.length;
      await nextTurn();
    }
  }

  /** Never fails. */
  async function runBatch(batch: readonly Pending<T, R>[]): Promise<Outcome> {
    try {
      const results = await run(batch.map(({ item }) => item));
      return {
        tell() {
          for (let i = 0; i < batch.length; i++) (batch[i] as Pending<T, R>).resolve(results[i] as R);
        },
      };
    } catch (error) {
      if (batch.length > 1 && splits(error)) return runAlone([...batch]);
      const reason = toError(error);
      return {
        tell() {
          for (const { reject } of batch) reject(reason);
        },
      };
    }
  }

  /** Tells each caller as soon as its item has ended. */
  async function runAlone(rest: Pending<T, R>[]): Promise<Outcome> {
    const runRest = async () => {
      for (let one = rest.shift(); one; one = rest.shift()) (await runBatch([one])).tell();
    };
    await Promise.all(Array.from({ length: aloneAtOnceMax }, runRest));
    return { tell() {} };
  }

  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        pending.push({ item, resolve, reject });
        working ??= work();
      }),
    async drain() {
      await working;
      await Promise.all(batches);
    },
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Returns undefined if there is no outcome in time. */
function outcomeOrPatience(running: Promise<Outcome>): Promise<Outcome | undefined> {
  const { promise, resolve } = Promise.withResolvers<Outcome | undefined>();
  const timer = setTimeout(resolve, patienceMs, undefined);
  void running.then((outcome) => {
    clearTimeout(timer);
    resolve(outcome);
  });
  return promise;
}
