// The types of columns: each writes values for Postgres, reads them, and adds them to a MAC.

/** A part of what a MAC covers. Equal values must have equal types: `5` and `5n` are the same, `"5"` is not. */
export type MacField = string | number | bigint | boolean | Uint8Array | Date | null;

/** `T` is the type of the value in the domain. */
export interface ColumnType<T> {
  /** The type of the parameter that carries the value. */
  sqlType: string;
  decode(stored: unknown): T;
  encode(value: T): unknown;
  /** Appends the value to what a MAC covers. */
  addTo(fields: MacField[], value: T): void;
  /** In SQL the value that most rows have. A select list says null for it; undefined: none. */
  usual?: string;
}

/** A type whose values the driver reads and writes as they are. */
function plain<T extends MacField>(sqlType: string): ColumnType<T> {
  return {
    sqlType,
    decode: (stored) => stored as T,
    encode: (value) => value,
    addTo: (fields, value) => fields.push(value),
  };
}

export const text = plain<string>("text");
export const integer = plain<number>("integer");
export const bigint = plain<number>("bigint");
export const boolean = plain<boolean>("boolean");
export const time = plain<Date>("timestamptz");
export const bytes = plain<Uint8Array>("bytea");

/** Text that is one of a union's members. */
export function oneOf<T extends string>(): ColumnType<T> {
  return plain<T>("text");
}

/** Null in the table is undefined in the domain. */
export function optional<T>(type: ColumnType<T>): ColumnType<T | undefined> {
  return {
    sqlType: type.sqlType,
    decode: (stored) => (stored === null ? undefined : type.decode(stored)),
    encode: (value) => (value === undefined ? null : type.encode(value)),
    addTo: (fields, value) => (value === undefined ? fields.push(null) : type.addTo(fields, value)),
  };
}

/** A type whose value is mostly the one that `usual` is in SQL. Null costs nothing to send and to read. */
export function mostly<T>(type: ColumnType<T>, usual: string, value: T): ColumnType<T> {
  return { ...type, usual, decode: (stored) => (stored === null ? value : type.decode(stored)) };
}

const noBytes = new Uint8Array();

/** A MAC: empty for null, so that a row without a MAC does not authenticate. */
export const macBytes: ColumnType<Uint8Array> = {
  ...bytes,
  decode: (stored) => (stored as Uint8Array | null) ?? noBytes,
};

/** A jsonb column. The MAC covers its canonical text. */
export function json<T>(): ColumnType<T> {
  return {
    sqlType: "jsonb",
    decode: (stored) => stored as T,
    encode: (value) => JSON.stringify(value),
    addTo: (fields, value) => fields.push(canonicalJson(value)),
  };
}

/** Returns the texts in the order in which Postgres reads them from jsonb: by the size of their names in bytes, then by their bytes. */
export function inStoredOrder(texts: Record<string, string>): Record<string, string> {
  const names = Object.keys(texts);
  if (names.length < 2) return texts;
  const sorted = names.map((name) => ({ name, bytes: Buffer.from(name) }));
  sorted.sort(({ bytes: a }, { bytes: b }) => a.byteLength - b.byteLength || Buffer.compare(a, b));
  return Object.fromEntries(sorted.map(({ name }) => [name, texts[name] as string]));
}

/** Texts by name as jsonb. The MAC covers the names and values in the order of the names. */
export const sortedTexts: ColumnType<Record<string, string>> = {
  ...json(),
  addTo(fields, value) {
    for (const name of Object.keys(value).sort()) fields.push(name, value[name] ?? null);
  },
};

/** A list of texts. The MAC covers their number and each of them. */
export const texts: ColumnType<readonly string[]> = {
  sqlType: "text[]",
  decode: (stored) => stored as string[],
  encode: (value) => value,
  addTo: (fields, value) => fields.push(value.length, ...value),
};

/** A list of texts without spaces. The MAC covers them as one text. */
export const words: ColumnType<string[]> = {
  sqlType: "text[]",
  decode: (stored) => stored as string[],
  encode: (value) => value,
  addTo: (fields, value) => fields.push(value.join(" ")),
};

/** Most secrets have no alias, so `{}` is checked first. */
function isEmptyObject(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  for (const _ in value) return false;
  return true;
}

/** Returns the same text for equal values in any order of members: Postgres does not preserve the order in jsonb. */
export function canonicalJson(value: unknown): string {
  if (isEmptyObject(value)) return "{}";
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
