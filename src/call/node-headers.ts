// A view of the header object that Node's parsers made, as the web's Headers. `test/http/node-headers.test.ts` holds it equal to a HeaderMap.
import type { IncomingHttpHeaders } from "node:http";

/** Returns an object like the web's Headers that cannot be changed. Each header must be in the request once: Node drops some repeated ones. */
export function viewNodeHeaders(headers: IncomingHttpHeaders): Headers {
  return new NodeHeaders(headers);
}

type Entries = ReturnType<Headers["entries"]>;
type Texts = ReturnType<Headers["keys"]>;

class NodeHeaders implements Headers {
  readonly #headers: IncomingHttpHeaders;

  constructor(headers: IncomingHttpHeaders) {
    this.#headers = headers;
  }

  get(name: string): string | null {
    const value = this.#headers[name] ?? this.#headers[name.toLowerCase()];
    if (typeof value === "string") return value;
    // `set-cookie` is always a list. A name such as `constructor` finds a member of every object.
    return Array.isArray(value) ? value.join(", ") : null;
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  /** coffer has no cookies. */
  getSetCookie(): string[] {
    return [];
  }

  append(): never {
    throw readOnly();
  }

  delete(): never {
    throw readOnly();
  }

  set(): never {
    throw readOnly();
  }

  forEach(callback: (value: string, name: string, parent: Headers) => void): void {
    for (const [name, value] of this.#entries()) callback(value, name, this);
  }

  // The type of the web's iterators has more methods than the `lib` of this project. At run time they are the same.
  entries(): Entries {
    return this.#entries().values() as unknown as Entries;
  }

  keys(): Texts {
    return this.#entries()
      .map(([name]) => name)
      .values() as unknown as Texts;
  }

  values(): Texts {
    return this.#entries()
      .map(([, value]) => value)
      .values() as unknown as Texts;
  }

  [Symbol.iterator](): Entries {
    return this.entries();
  }

  /** Without HTTP/2's pseudo-headers. */
  #entries(): (readonly [string, string])[] {
    return Object.keys(this.#headers)
      .filter((name) => !name.startsWith(":"))
      .map((name) => [name, this.get(name) ?? ""] as const);
  }
}

function readOnly(): TypeError {
  return new TypeError("the headers of a request cannot be changed");
}
