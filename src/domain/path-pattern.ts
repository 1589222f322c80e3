// Patterns of paths, segment by segment: what access rules are about.
import { invalidField } from "./errors.ts";
import { checkSecretName } from "./secret-name.ts";

/** A pattern taken apart. `*` in a segment stands for any text of it, the segment `**` for any number of segments. */
export interface PathPattern {
  segments: readonly string[];
  /** Matches what lies below, at any depth, and not the place itself. */
  isSubtree: boolean;
}

/**
 * Fails unless `pattern` begins with `/`, keeps the rules of a secret's name, and has `**` only as a whole segment. In a path a `*`
 * is a character as any other, which a pattern's `*` matches too.
 */
export function checkPathPattern(pattern: string, field: string): void {
  if (!pattern.startsWith("/")) throw invalidField(field, "must begin with a slash");
  checkSecretName(pattern, field);
  const isTorn = pattern.split("/").some((segment) => segment.includes("**") && segment !== "**");
  if (isTorn) throw invalidField(field, "must have `**` only as a whole segment");
}

/** `/a/*` and `/a/**` both mean everything below `/a`; `**` in the middle also means no segment at all. */
export function parsePathPattern(pattern: string): PathPattern {
  const segments = pattern
    .split("/")
    .slice(1)
    .filter((segment, index, all) => segment !== "**" || all[index - 1] !== "**");
  const last = segments.at(-1);
  if (last !== "*" && last !== "**") return { segments, isSubtree: false };
  segments.pop();
  // Any number of segments and then at least one are at least one.
  if (segments.at(-1) === "**") segments.pop();
  return { segments, isSubtree: true };
}
