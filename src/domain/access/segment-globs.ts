// Many patterns of one segment with one `*`, such as `db-*`, tried together: by what stands before the star and behind it.

export interface SegmentGlobs<T> {
  /** What is kept under the pattern, made when there is nothing yet. */
  at(glob: string, make: () => T): T;
  /** What is kept under the patterns that match. */
  matching(segment: string): T[];
}

/** Texts by their lengths, so that a text is cut once for each length and not once for each pattern. */
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

/** The star stands for what lies between a prefix of this length and the suffix: they never share a character. */
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
