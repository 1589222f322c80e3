// Reads a JSON settings file strictly: unknown members are errors.
import { StartupError } from "../domain/error/startup-error.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** One object of the file; `path` names it in errors. */
export interface ObjectReader {
  readonly path: string;
  has(name: string): boolean;
  text(name: string): string;
  textList(name: string): string[];
  integer(name: string, rule: { byDefault: number; min: number; max: number }): number;
  object(name: string): ObjectReader;
  objects(name: string): ObjectReader[];
  value(name: string): Json | undefined;
  names(): string[];
  fail(name: string, rule: string): StartupError;
  /** Fails when the object has an unknown member. */
  done(): void;
}

const textLengthMax = 2_048;

/** Errors never contain values. */
export function readObject(value: Json, path: string): ObjectReader {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new StartupError(`${path} must be an object`);
  }
  const members = new Map(Object.entries(value as { readonly [name: string]: Json }));
  const asked = new Set<string>();
  const get = (name: string) => {
    asked.add(name);
    return members.get(name);
  };
  const fail = (name: string, rule: string) => new StartupError(`${path}.${name} ${rule}`);
  return {
    path,
    fail,
    value: get,
    has: (name) => get(name) !== undefined,
    names: () => [...members.keys()],
    text(name) {
      const text = get(name);
      if (isText(text)) return text;
      throw fail(name, `must be a text of 1 to ${textLengthMax} characters`);
    },
    textList(name) {
      const given = get(name);
      const list = Array.isArray(given) ? (given as Json[]) : [given ?? null];
      if (list.length > 0 && list.every(isText)) return list;
      throw fail(name, "must be a text or a list of texts");
    },
    integer(name, { byDefault, min, max }) {
      const number = get(name) ?? byDefault;
      if (typeof number === "number" && Number.isInteger(number) && number >= min && number <= max) return number;
      throw fail(name, `must be a whole number from ${min} to ${max}`);
    },
    object: (name) => readObject(get(name) ?? null, `${path}.${name}`),
    objects(name) {
      const list = get(name);
      if (!Array.isArray(list) || list.length === 0) throw fail(name, "must be a list of one or more objects");
      return (list as Json[]).map((item, index) => readObject(item, `${path}.${name}[${index}]`));
    },
    done() {
      const odd = [...members.keys()].find((name) => !asked.has(name));
      if (odd !== undefined)
        throw new StartupError(`${path} has a member that is not a setting: ${JSON.stringify(odd.slice(0, 40))}`);
    },
  };
}

function isText(value: Json | undefined): value is string {
  return typeof value === "string" && value !== "" && value.length <= textLengthMax;
}
