// Tells load balancers whether they should send calls here. It checks at most once a second.

export interface Readiness {
  isReady(): Promise<boolean>;
  /** Makes the answer no from now on, and notifies the watchers. */
  stop(): void;
  /** Aborted by stop(). */
  readonly stopping: AbortSignal;
}

const keptMs = 1_000;
/** The longest time that a check may take. After that the answer is no. */
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
