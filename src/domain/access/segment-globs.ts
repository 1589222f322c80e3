// Matches one segment against many patterns with one `*`, such as `db-*`, by prefix and suffix.

export interface SegmentGlobs<T> {
  /** Returns the entry of a pattern, and creates it if there is none. */
  at(glob: string, make: () => T): T;
  /** Returns the entries of all patterns that match. */
  matching(segment: string): T[];
}

/** Entries by the length of their text: a segment is cut once for each length, not once for each pattern. */
type ByLength<T> = Map<number, Map<string, T>>;

export function createSegmentGlobs<T>(): SegmentGlobs<T> {
  const byPrefix: ByLength<ByLength<T>> = new Map();
  return {
    at(glob, make) {
      const [prefix = "", suffix = ""] = glob.split("*");
      const bySuffix = kept(kept(byPrefix, prefix.length, newMap), prefix, newMap) as ByLength<T>;
      return kept(kept(bySuffix, suffix.length, newMap), suffix, make) as T;
    },
    matching(segment) {
      const found: T[] = [];
      for (const [length, prefixes] of byPrefix) {
        const bySuffix = prefixes.get(segment.slice(0, length));
        if (bySuffix) collect(bySuffix, segment, length, found);
      }
      return found;
    },
  };
}

/** The star matches the text between a prefix of this length and the suffix. The two never overlap. */
function collect<T>(bySuffix: ByLength<T>, segment: string, prefixLength: number, found: T[]): void {
  for (const [length, suffixes] of bySuffix) {
    if (prefixLength + length > segment.length) continue;
    const value = suffixes.get(segment.slice(segment.length - length));
    if (value !== undefined) found.push(value);
  }
}

function kept<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

function newMap<Key, Value>(): Map<Key, Value> {
  return new Map();
}
