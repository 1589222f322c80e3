// Patterns of paths, matched segment by segment. Access rules use them.
import { invalidField } from "../error/errors.ts";
import { checkSecretName } from "../secret-name.ts";

/** A parsed pattern. `*` in a segment matches any text within the segment. */
export interface PathPattern {
  segments: readonly string[];
  /** The pattern matches paths below, at any depth, and not the path itself. */
  isSubtree: boolean;
}

/**
 * Fails unless `pattern` begins with `/`, follows the rules of secret names, has at most one `*` in a segment, and `**` only as the
 * last segment. These limits keep the cost of matching linear in the number of patterns. In a path, `*` is an ordinary character,
 * and a pattern's `*` matches it too.
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
