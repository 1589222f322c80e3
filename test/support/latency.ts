// How long a caller waits while others misbehave.
import { setTimeout as sleep } from "node:timers/promises";

/** Calls again and again until `stop`, and gives the time that 99 of 100 calls took at most. */
export function measureP99(call: () => Promise<unknown>, pauseMs = 5): { stop(): Promise<number> } {
  const tookMs: number[] = [];
  let isStopped = false;
  const running = (async () => {
    while (!isStopped) {
      const start = performance.now();
      await call();
      tookMs.push(performance.now() - start);
      await sleep(pauseMs);
    }
  })();
  return {
    async stop() {
      isStopped = true;
      await running;
      const sorted = tookMs.toSorted((a, b) => a - b);
      return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
    },
  };
}
