// Checks a value and its fields against the rules of its kind. Messages never contain any part of a value.
import { type FieldViolation, failOn, invalidField } from "../error/errors.ts";
import { brokenRule } from "./formats.ts";
import type { AuthMethod } from "./kind.ts";
import { authMethodNamed, kindNamed, kinds } from "./kinds.ts";

/** The properties on which the rules for a value depend. */
export interface ValueKind {
  kind: string;
  authMethod: string;
}

/** Fails when a value is too short for its kind, or when the kind has fields. `field` is the name of the value in the request. */
export function checkWholeValue({ kind, authMethod }: ValueKind, sizeCharacters: number, field: string): void {
  const method = fieldsOf({ kind, authMethod });
  if (method) throw invalidField(field, `must be given as the parts ${namesIn(method)} for ${kind}`);
  const lengthMin = kindNamed(kind)?.lengthMin ?? 1;
  if (sizeCharacters < lengthMin) throw invalidField(field, `must have at least ${lengthMin} characters for ${kind}`);
}

/** Fails with all parts that are not valid fields of the kind. `fieldOf` returns the name of a part in the request. */
export function checkParts(
  { kind, authMethod }: ValueKind,
  parts: Readonly<Record<string, Uint8Array>>,
  field: string,
  fieldOf: (name: string) => string,
): void {
  if (kindNamed(kind)?.lengthMin !== undefined) throw invalidField(field, `must be a single value for ${kind}`);
  const method = fieldsOf({ kind, authMethod });
  if (!method) return;
  const violations = [...brokenFields(method, parts, fieldOf), ...strangers(method, Object.keys(parts), fieldOf)];
  failOn(violations);
}

/** Fails unless the names of the parts are exactly the fields of the kind. The error names all wrong ones. */
export function checkPartNames(
  { kind, authMethod }: ValueKind,
  names: readonly string[],
  field: string,
  fieldOf: (name: string) => string,
): void {
  if (kindNamed(kind)?.lengthMin !== undefined) throw invalidField(field, `must be a single value for ${kind}`);
  const method = fieldsOf({ kind, authMethod });
  if (!method) return;
  const missing = method.fields
    .filter(({ name }) => !names.includes(name))
    .map(({ name }) => ({ field: fieldOf(name), description: `is required for ${method.name}` }));
  failOn([...missing, ...strangers(method, names, fieldOf)]);
}

/** Fails with all fields that the kind does not have. `fieldOf` returns the name of a field in the request. */
export function checkCredentialFields(
  kind: string,
  fields: Readonly<Record<string, string>>,
  fieldOf: (name: string) => string,
): void {
  const known = shownFields(kind);
  failOn(
    Object.keys(fields)
      .filter((name) => !known.includes(name))
      .map((name) => ({ field: fieldOf(name), description: onlyFor(name) })),
  );
}

/** Returns the auth method that defines the fields of the value; undefined for a single value. */
function fieldsOf({ kind, authMethod }: ValueKind): AuthMethod | undefined {
  return kindNamed(kind)?.value === "FIELDS" ? authMethodNamed(kind, authMethod) : undefined;
}

function brokenFields(
  method: AuthMethod,
  parts: Readonly<Record<string, Uint8Array>>,
  fieldOf: (name: string) => string,
): FieldViolation[] {
  return method.fields.flatMap(({ name, format, sizeBytesMax }) => {
    const rule = ruleBrokenBy(Object.hasOwn(parts, name) ? parts[name] : undefined);
    return rule === undefined ? [] : [{ field: fieldOf(name), description: rule }];

    function ruleBrokenBy(part: Uint8Array | undefined): string | undefined {
      if (part === undefined) return `is required for ${method.name}`;
      if (part.byteLength === 0) return "must not be empty";
      if (part.byteLength > sizeBytesMax) return `must take at most ${sizeBytesMax} bytes`;
      const text = textOf(part);
      return text === undefined ? "must be UTF-8 text" : brokenRule(format, text);
    }
  });
}

function strangers(method: AuthMethod, names: readonly string[], fieldOf: (name: string) => string): FieldViolation[] {
  return names
    .filter((name) => method.fields.every((field) => field.name !== name))
    .map((name) => ({
      field: fieldOf(name),
      description: `is not a field of ${method.name}; its fields: ${namesIn(method)}`,
    }));
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function namesIn({ fields }: AuthMethod): string {
  return fields.map(({ name }) => name).join(", ");
}

function shownFields(kind: string): string[] {
  const methods = kindNamed(kind)?.authMethods ?? [];
  return methods.flatMap(({ fields }) => fields.filter(({ isShown }) => isShown).map(({ name }) => name));
}

function onlyFor(field: string): string {
  const owners = kinds.map(({ name }) => name).filter((name) => shownFields(name).includes(field));
  return owners.length === 0 ? "is not a field of a credential" : `is only for ${owners.join(", ")}`;
}
