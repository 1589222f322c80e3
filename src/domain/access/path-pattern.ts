// Patterns of paths, segment by segment: what access rules are about.
import { invalidField } from "../error/errors.ts";
import { checkSecretName } from "../secret-name.ts";

/** A pattern taken apart. `*` in a segment stands for any text of it. */
export interface PathPattern {
  segments: readonly string[];
  /** Matches what lies below, at any depth, and not the place itself. */
  isSubtree: boolean;
}

/**
 * Fails unless `pattern` begins with `/`, keeps the rules of a secret's name, has one `*` a segment at most, and `**` only as its
 * last segment: what thousands of patterns cost stays in proportion to their number. In a path a `*` is a character as any other,
 * which a pattern's `*` matches too.
 */
export function checkPathPattern(pattern: string, field: string): void {
  if (!pattern.startsWith("/")) throw invalidField(field, "must begin with a slash");
  checkSecretName(pattern, field);
  const inner = pattern.endsWith("/**") ? pattern.slice(0, -"/**".length) : pattern;
  if (inner.includes("**")) throw invalidField(field, "must have `**` only as its last segment");
  if (/\*[^/]*\*/.test(inner)) throw invalidField(field, "must have at most one `*` in a segment");
}

/** `/a/*` and `/a/**` both mean everything below `/a`. */
export function parsePathPattern(pattern: string): PathPattern {
  const segments = pattern.split("/").slice(1);
  const last = segments.at(-1);
  if (last !== "*" && last !== "**") return { segments, isSubtree: false };
  return { segments: segments.slice(0, -1), isSubtree: true };
}
