// The registry of kinds: what a secret may hold and what its value must be like.
import { assertNever, invalidField } from "../error/errors.ts";
import { generalKinds } from "./general-kinds.ts";
import type { AuthMethod, Kind, ValidationName } from "./kind.ts";
import { storageKinds } from "./storage-kinds.ts";

export const kinds: readonly Kind[] = [...generalKinds, ...storageKinds];

const byName: ReadonlyMap<string, Kind> = new Map(kinds.map((kind) => [kind.name, kind]));

export const defaultKind = "generic";

/** Undefined where the registry has no such kind. */
export function kindNamed(name: string): Kind | undefined {
  return byName.get(name);
}

/** Fails unless the registry has this kind. */
export function checkKind(name: string, field = "kind"): Kind {
  const kind = byName.get(name);
  if (!kind) throw invalidField(field, `must be one of ${[...byName.keys()].join(", ")}`);
  return kind;
}

/** A credential for some service, which can be tried there. */
export function isCredentialKind(name: string): boolean {
  return byName.get(name)?.validation !== undefined;
}

/** How credentials of this kind are tried; undefined where they cannot be. */
export function validationOf(kind: string): ValidationName | undefined {
  return byName.get(kind)?.validation;
}

/**
 * What a secret of the kind keeps as its method: the one that was given, or the only one there is. Empty for kinds whose value is
 * a whole. Fails for a method of another kind, and without one where there are several.
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

/** Whether the value of a new secret may ever be returned; `given` undefined leaves it to the kind. */
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
