// Keeps the records of sandboxes in the proxy's memory for a second.
import type { SandboxRecord } from "../store/sandbox-bindings.ts";
import { createLoadingCache } from "./loading-cache.ts";

export interface SandboxRecords {
  /** At most two seconds old; undefined when there is no such sandbox. */
  get(lookupId: string): Promise<SandboxRecord | undefined>;
  /** Whether there was such a sandbox lately, or it is being looked up. */
  knows(lookupId: string): boolean;
}

/** A change takes effect within two seconds. Half of them are for the lookup. */
const keptMs = 1_000;
const recordsMax = 10_000;

/** `nowMs` is a monotonic clock. */
export function createSandboxRecords(
  load: (lookupId: string) => Promise<SandboxRecord | undefined>,
  nowMs?: () => number,
): SandboxRecords {
  const records = createLoadingCache<SandboxRecord | undefined>({ lifeMs: keptMs, sizeMax: recordsMax, nowMs });
  return { get: (lookupId) => records.get(lookupId, () => load(lookupId)), knows: records.has };
}
