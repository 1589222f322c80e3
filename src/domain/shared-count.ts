// A count that several processes share.

export interface SharedCount {
  /** Adds to what all have counted in the key's window, which begins with the first count; undefined when nobody answers. */
  add(key: string, count: number): Promise<{ count: number; leftMs: number } | undefined>;
}
