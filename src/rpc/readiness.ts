// Whether calls should be sent here: one answer a second, however many ask.

export interface Readiness {
  isReady(): Promise<boolean>;
  /** From now on the answer is no, and those who watch hear of it. */
  stop(): void;
  /** Aborted by stop(). */
  readonly stopping: AbortSignal;
}

const keptMs = 1_000;
/** A check waits at most a second; after that the answer is no. */
const answerMsMax = 950;

/** `check` must not throw. */
export function createReadiness(check: () => Promise<boolean>): Readiness {
  const stop = new AbortController();
  let answer: Promise<boolean> | undefined;
  let until = 0;
  return {
    isReady() {
      if (stop.signal.aborted) return Promise.resolve(false);
      if (!answer || performance.now() >= until) {
        until = performance.now() + keptMs;
        answer = inTime(check());
      }
      return answer;
    },
    stop: () => stop.abort(),
    stopping: stop.signal,
  };
}

async function inTime(answer: Promise<boolean>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), answerMsMax);
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
