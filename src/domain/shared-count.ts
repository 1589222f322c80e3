// A count that several processes share.

export interface SharedCount {
  /** Adds to the count of all processes in the key's window, which begins with the first count. Undefined when no process answers. */
  add(key: string, count: number): Promise<{ count: number; leftMs: number } | undefined>;
}
