// Keeps the DEKs of versions whose rows were verified, so that the next read of an unchanged row only opens its payload.
import type { UnwrappedDek } from "../envelope/envelope.ts";
import type { UnreadVersion } from "../store/read-values.ts";

/** A version that was opened: its rows authenticate, and the facts allow that its value leaves. */
export interface OpenedVersion {
  workspaceId: string;
  secretId: string;
  versionId: string;
  versionNumber: number;
  kmsKeyId: string;
  kmsKeyVersion: number;
  dek: UnwrappedDek;
}

export interface OpenedVersions {
  /** Returns the version if a row with exactly the same facts and the same wrapped DEK was opened lately. */
  find(row: UnreadVersion): OpenedVersion | undefined;
  /** Returns a mark for `keep`, taken before the rows are verified. */
  mark(): number;
  /** Takes the DEK, and overwrites it when it leaves the memory: at once if a key was dropped since `mark`. */
  keep(row: UnreadVersion, opened: OpenedVersion, mark: number): void;
  /** Called when a key is no longer active. */
  dropKey(kmsKeyId: string): void;
  /** Called when notifications about keys may have been missed. Nothing is kept until `keepFromNow`. */
  keepNothing(): void;
  keepFromNow(): void;
  close(): void;
}

const versionsMax = 16_384;
const lifeMs = 10 * 60_000;
const sweepMs = 30_000;

interface Kept extends OpenedVersion {
  untilMs: number;
  /** Found since it was kept, or since it was spared from eviction. */
  isUsed: boolean;
}

/** `nowMs` is a monotonic clock. */
export function createOpenedVersions(nowMs = () => performance.now()): OpenedVersions {
  /** By facts. The oldest first. */
  const kept = new Map<string, Kept>();
  const factsOfKeys = new Map<string, Set<string>>();
  let drops = 0;
  let keeps = true;
  const sweep = setInterval(() => {
    const now = nowMs();
    for (const [facts, { untilMs }] of kept) if (untilMs <= now) drop(facts);
  }, sweepMs).unref();

  function drop(facts: string): void {
    const entry = kept.get(facts);
    if (!entry) return;
    entry.dek[Symbol.dispose]();
    kept.delete(facts);
    const ofKey = factsOfKeys.get(entry.kmsKeyId);
    ofKey?.delete(facts);
    if (ofKey?.size === 0) factsOfKeys.delete(entry.kmsKeyId);
  }

  function add(facts: string, entry: Kept): void {
    kept.set(facts, entry);
    const ofKey = factsOfKeys.get(entry.kmsKeyId) ?? new Set();
    factsOfKeys.set(entry.kmsKeyId, ofKey.add(facts));
  }

  /** Makes room: evicts the oldest entry that was not used, and spares used ones once. */
  function evictOne(): void {
    for (const [facts, entry] of kept) {
      if (!entry.isUsed) {
        drop(facts);
        return;
      }
      entry.isUsed = false;
      kept.delete(facts);
      kept.set(facts, entry);
    }
  }

  function clear(): void {
    drops++;
    for (const facts of kept.keys()) drop(facts);
  }

  return {
    find({ facts, envelope }) {
      const found = kept.get(facts);
      if (!found || envelope === null || found.untilMs <= nowMs() || !found.dek.isOf(envelope)) return undefined;
      found.isUsed = true;
      return found;
    },
    mark: () => drops,
    keep({ facts }, opened, mark) {
      drop(facts);
      if (!keeps || mark !== drops) {
        opened.dek[Symbol.dispose]();
        return;
      }
      if (kept.size >= versionsMax) evictOne();
      add(facts, { ...opened, untilMs: nowMs() + lifeMs, isUsed: false });
    },
    dropKey(kmsKeyId) {
      drops++;
      for (const facts of factsOfKeys.get(kmsKeyId) ?? []) drop(facts);
    },
    keepNothing() {
      keeps = false;
      clear();
    },
    keepFromNow() {
      keeps = true;
      clear();
    },
    close() {
      clearInterval(sweep);
      keeps = false;
      clear();
    },
  };
}
