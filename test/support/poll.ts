// Waits for what happens soon, without sleeping longer than it takes.
import { setTimeout as sleep } from "node:timers/promises";

/** Asks again until the answer is true; fails after `timeoutMs`. */
export async function until(what: string, condition: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(50);
  }
}
