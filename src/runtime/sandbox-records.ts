// Sandboxes in the proxy's memory, for as long as a change may take to arrive.
import type { SandboxRecord } from "../store/sandbox-bindings.ts";

export interface SandboxRecords {
  /** At most two seconds old; undefined when there is no such sandbox. */
  get(lookupId: string): Promise<SandboxRecord | undefined>;
  /** Whether there was such a sandbox lately, or it is being looked up. */
  knows(lookupId: string): boolean;
  clear(): void;
}

/** Revoked, rotated, detached: effective within two seconds, of which half is left to the lookup. */
const keptMs = 1_000;
const recordsMax = 10_000;

/** `nowMs` is a monotonic clock. Concurrent requests of one sandbox share a lookup. */
export function createSandboxRecords(
  load: (lookupId: string) => Promise<SandboxRecord | undefined>,
  nowMs: () => number = () => performance.now(),
): SandboxRecords {
  const kept = new Map<string, { until: number; record: Promise<SandboxRecord | undefined> }>();
  return {
    get(lookupId) {
      const found = kept.get(lookupId);
      if (found && nowMs() < found.until) return found.record;
      // Counted from before the lookup, so that a record is never older than the limit.
      const entry = { until: nowMs() + keptMs, record: load(lookupId) };
      const forget = () => {
        if (kept.get(lookupId) === entry) kept.delete(lookupId);
      };
      // Tokens that do not exist are not kept: guesses must not fill the memory.
      entry.record.then((record) => record ?? forget(), forget);
      kept.delete(lookupId);
      if (kept.size >= recordsMax) kept.delete(kept.keys().next().value as string);
      kept.set(lookupId, entry);
      return entry.record;
    },
    knows: (lookupId) => kept.has(lookupId),
    clear: () => kept.clear(),
  };
}
