// Names of secrets and the paths that are derived from them.
import { invalidField } from "./error/errors.ts";

const charactersMax = 512;

/**
 * Fails unless `name` is 1 to 512 characters in NFC, without control characters and lone surrogates, without an empty, `.` or
 * `..` segment between slashes, and without a trailing slash. One leading slash is allowed.
 */
export function checkSecretName(name: string, field = "name"): void {
  const broken = brokenRule(name);
  if (broken) throw invalidField(field, broken);
}

/** Returns the path of a name. Paths are unique, and access rules match on them. */
export function pathOf(name: string): string {
  return name.startsWith("/") ? name : `/${name}`;
}

function brokenRule(name: string): string | undefined {
  if (name === "") return "must not be empty";
  if (!name.isWellFormed()) return "must not hold lone surrogates";
  if ([...name].length > charactersMax) return `must have at most ${charactersMax} characters`;
  if (/\p{Cc}/u.test(name)) return "must not hold control characters";
  if (name.normalize("NFC") !== name) return "must be in Unicode normalization form NFC";
  if (name.endsWith("/")) return "must not end with a slash";
  const segments = pathOf(name).split("/").slice(1);
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
    return "must not have an empty, `.` or `..` segment";
  }
  return undefined;
}
