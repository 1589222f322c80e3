// The headers of calls. The web's Headers class would check and convert every name and value again, after Node's parsers did.

/** Returns an object like the web's Headers. It does not check names and values. */
export function createHeaderMap(entries: Iterable<readonly [string, string]> = []): Headers {
  return new HeaderMap(entries);
}

/** Returns the headers by their names in lower case, as a new object. */
export function recordOf(headers: Headers): Record<string, string> {
  return headers instanceof HeaderMap ? { ...headers.record } : Object.fromEntries(headers);
}

type Entries = ReturnType<Headers["entries"]>;
type Texts = ReturnType<Headers["keys"]>;

class HeaderMap implements Headers {
  /** Without a prototype: a name such as `constructor` must find nothing. */
  readonly record: Record<string, string> = Object.create(null);

  constructor(entries: Iterable<readonly [string, string]>) {
    for (const [name, value] of entries) this.append(name, value);
  }

  append(name: string, value: string): void {
    const key = name.toLowerCase();
    const before = this.record[key];
    this.record[key] = before === undefined ? value : `${before}, ${value}`;
  }

  delete(name: string): void {
    delete this.record[name.toLowerCase()];
  }

  get(name: string): string | null {
    return this.record[name.toLowerCase()] ?? null;
  }

  /** coffer has no cookies. */
  getSetCookie(): string[] {
    return [];
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  set(name: string, value: string): void {
    this.record[name.toLowerCase()] = value;
  }

  forEach(callback: (value: string, name: string, parent: Headers) => void): void {
    for (const [name, value] of Object.entries(this.record)) callback(value, name, this);
  }

  // The type of the web's iterators has more methods than the `lib` of this project. At run time they are the same.
  entries(): Entries {
    return Object.entries(this.record).values() as unknown as Entries;
  }

  keys(): Texts {
    return Object.keys(this.record).values() as unknown as Texts;
  }

  values(): Texts {
    return Object.values(this.record).values() as unknown as Texts;
  }

  [Symbol.iterator](): Entries {
    return this.entries();
  }
}
