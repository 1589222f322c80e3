// Shares one call among concurrent requests for the same reference, and remembers missing references for a moment.
import { BoundedMap } from "../domain/bounded-map.ts";
import type { VaultFailureReason } from "./failure.ts";
import type { Resolution } from "./vault.ts";

type Resolve = (references: readonly string[]) => Promise<ReadonlyMap<string, Resolution>>;

export interface SharedResolutions {
  /** `connection` includes the revision. Values are kept only while the call is running. */
  resolve(connection: string, references: readonly string[], resolve: Resolve): Promise<Map<string, Resolution>>;
}

const failuresKeptMs = 5_000;
const failuresMax = 10_000;
const kept: ReadonlySet<VaultFailureReason> = new Set(["missing", "ambiguous", "unusable", "unauthorized"] as const);

export function createSharedResolutions(nowMs: () => number): SharedResolutions {
  const underWay = new Map<string, Promise<Resolution>>();
  const failures = new BoundedMap<string, { resolution: Resolution; untilMs: number }>(failuresMax);

  function known(key: string): Promise<Resolution> | undefined {
    const failure = failures.get(key);
    if (failure && failure.untilMs > nowMs()) return Promise.resolve(failure.resolution);
    return underWay.get(key);
  }

  function remember(key: string, resolution: Resolution): Resolution {
    underWay.delete(key);
    failures.delete(key);
    if ("reason" in resolution && kept.has(resolution.reason)) {
      failures.set(key, { resolution, untilMs: nowMs() + failuresKeptMs });
    }
    return resolution;
  }

  return {
    async resolve(connection, references, resolve) {
      const keyOf = (reference: string) => `${connection} ${reference}`;
      const asked = new Map(references.map((reference) => [reference, known(keyOf(reference))]));
      const unknown = [...asked].filter(([, resolution]) => resolution === undefined).map(([reference]) => reference);
      if (unknown.length > 0) {
        const call = resolve(unknown);
        for (const reference of unknown) {
          const key = keyOf(reference);
          const resolution = call.then(
            (found) => remember(key, found.get(reference) as Resolution),
            (error: unknown) => {
              underWay.delete(key);
              throw error;
            },
          );
          underWay.set(key, resolution);
          asked.set(reference, resolution);
        }
      }
      const resolutions = await Promise.all([...asked].map(async ([reference, it]) => [reference, await it] as const));
      return new Map(resolutions as [string, Resolution][]);
    },
  };
}
