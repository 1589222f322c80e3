// A case on one line, for who watches.
import type { Compared } from "../compare.ts";

export function lineOf({ name, coffer, ratio }: Compared): string {
  const rate = `${coffer.requestsPerSecond.toFixed(0).padStart(6)} req/s`;
  const p50 = `p50 ${coffer.p50Ms.toFixed(2)} ms`;
  const p99 = `p99 ${coffer.p99Ms.toFixed(2)} ms`;
  const cpu = `${times(ratio.cpuTotal)} cpu (${times(ratio.cpuServer)} without Postgres and Redis)`;
  const ratios = `${times(ratio.requestsPerSecond)} req/s, ${times(ratio.p50Ms)} p50, ${cpu}`;
  return `${name.padEnd(40)} ${rate}, ${p50}, ${p99}; to the floor ${ratios}`;
}

/** Returns the last line of a quick run. */
export function quickLineOf({ protocol, concurrency, ratio }: Compared): string {
  const rate = ratio.requestsPerSecond.toFixed(2);
  return `get ${protocol} c=${concurrency}: ${rate} x floor, cpu ${ratio.cpuTotal.toFixed(2)} x floor`;
}

function times(ratio: number): string {
  return `${ratio.toFixed(2)} x`;
}
