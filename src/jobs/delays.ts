// Computes how long a job waits before its next run.
import type { RandomBytes } from "../domain/random.ts";

const retryMinMs = 1_000;
const retryMaxMs = 300_000;
/** Delays vary by this share in either direction. */
const jitter = 0.2;

export function jitteredMs(delayMs: number, random: RandomBytes): number {
  const [high = 0, low = 0] = random(2);
  const fraction = (high * 256 + low) / 65_535;
  return Math.round(delayMs * (1 - jitter + 2 * jitter * fraction));
}

/** The delay doubles with each consecutive failure, from a second to five minutes. */
export function backOffMs(failures: number): number {
  return Math.min(retryMinMs * 2 ** (failures - 1), retryMaxMs);
}
