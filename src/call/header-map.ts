// The headers of calls. The web's Headers class would check and convert every name and value again, after Node's parsers did.

/** Returns an object like the web's Headers. It does not check names and values. */
export function createHeaderMap(entries: Iterable<readonly [string, string]> = []): Headers {
  return new HeaderMap(entries);
}

type Entries = ReturnType<Headers["entries"]>;
type Texts = ReturnType<Headers["keys"]>;

class HeaderMap implements Headers {
  readonly #values = new Map<string, string>();

  constructor(entries: Iterable<readonly [string, string]>) {
    for (const [name, value] of entries) this.append(name, value);
  }

  append(name: string, value: string): void {
    const key = name.toLowerCase();
    const before = this.#values.get(key);
    this.#values.set(key, before === undefined ? value : `${before}, ${value}`);
  }

  delete(name: string): void {
    this.#values.delete(name.toLowerCase());
  }

  get(name: string): string | null {
    return this.#values.get(name.toLowerCase()) ?? null;
  }

  /** coffer has no cookies. */
  getSetCookie(): string[] {
    return [];
  }

  has(name: string): boolean {
    return this.#values.has(name.toLowerCase());
  }

  set(name: string, value: string): void {
    this.#values.set(name.toLowerCase(), value);
  }

  forEach(callback: (value: string, name: string, parent: Headers) => void): void {
    for (const [name, value] of this.#values) callback(value, name, this);
  }

  // The type of the web's iterators has more methods than the `lib` of this project. At run time they are the same.
  entries(): Entries {
    return this.#values.entries() as unknown as Entries;
  }

  keys(): Texts {
    return this.#values.keys() as unknown as Texts;
  }

  values(): Texts {
    return this.#values.values() as unknown as Texts;
  }

  [Symbol.iterator](): Entries {
    return this.entries();
  }
}
