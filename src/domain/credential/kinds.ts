// The registry of kinds.
import { assertNever, invalidField } from "../error/errors.ts";
import { generalKinds } from "./general-kinds.ts";
import type { AuthMethod, Kind, ValidationName } from "./kind.ts";
import { storageKinds } from "./storage-kinds.ts";

export const kinds: readonly Kind[] = [...generalKinds, ...storageKinds];

const byName: ReadonlyMap<string, Kind> = new Map(kinds.map((kind) => [kind.name, kind]));

export const defaultKind = "generic";

/** Returns undefined for an unknown kind. */
export function kindNamed(name: string): Kind | undefined {
  return byName.get(name);
}

/** Fails for an unknown kind. */
export function checkKind(name: string, field = "kind"): Kind {
  const kind = byName.get(name);
  if (!kind) throw invalidField(field, `must be one of ${[...byName.keys()].join(", ")}`);
  return kind;
}

/** Whether the kind is a credential that coffer can validate. */
export function isCredentialKind(name: string): boolean {
  return byName.get(name)?.validation !== undefined;
}

/** Returns the validation of a kind; undefined when there is none. */
export function validationOf(kind: string): ValidationName | undefined {
  return byName.get(kind)?.validation;
}

/**
 * Returns the auth method to store: the given one, or the only one of the kind. Empty for kinds with a single value.
 * Fails for a method of another kind, and for no method when there are several.
 */
export function authMethodOf(kindName: string, given: string, field: string): string {
  const kind = byName.get(kindName);
  if (!kind) return "";
  const names = kind.authMethods.map(({ name }) => name);
  if (given !== "" && !names.includes(given)) throw invalidField(field, methodRule(kind));
  switch (kind.value) {
    case "WHOLE":
      return "";
    case "FIELDS":
      if (given === "" && names.length !== 1) throw invalidField(field, methodRule(kind));
      return given === "" ? (names[0] as string) : given;
    default:
      return assertNever(kind.value);
  }
}

/** Whether calls may return the value of a new secret. `given` undefined: the kind decides. */
export function revealableOf(kindName: string, given: boolean | undefined, field = "revealable"): boolean {
  if (byName.get(kindName)?.reveal !== "NEVER") return given ?? true;
  if (given) throw invalidField(field, `must be false for ${kindName}: its value is never returned`);
  return false;
}

export function authMethodNamed(kindName: string, method: string): AuthMethod | undefined {
  return byName.get(kindName)?.authMethods.find(({ name }) => name === method);
}

function methodRule({ name, authMethods }: Kind): string {
  if (authMethods.length === 0) return `${name} has no authentication methods`;
  return `must be one of ${authMethods.map((method) => method.name).join(", ")}`;
}
