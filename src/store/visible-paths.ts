// The secrets that a caller may see, as conditions of SQL: patterns of access rules and statements of policies, which mean here what they
// mean in the domain.
import { parsePathPattern } from "../domain/access/path-pattern.ts";
import type { RulePattern } from "../domain/access/rule-set.ts";
import { afterPrefix } from "./path-range.ts";

/** Hides the secrets whose policies deny one of the actions to the principal. */
interface Hiding {
  principalId: string;
  actions: readonly string[];
}

/** One pattern of each list must match. Without lists everything is visible; with an empty list nothing is. */
export type VisiblePaths = readonly (readonly RulePattern[] | Hiding)[];

/** Conditions on `secret s`, one for each member; `parameter` adds a value to the statement and returns its placeholder. */
export function visibleConditions(visible: VisiblePaths, parameter: (value: unknown) => string): string[] {
  return visible.map((patterns) => {
    if (!isPatterns(patterns)) return notDenied(patterns, parameter);
    const ranges = patterns.map(toRange);
    const matching = `exists (
      select from json_to_recordset(${parameter(JSON.stringify(ranges))}::json)
        as p (region text, low text, high text, regex text)
      where (p.region is null or p.region = s.region) and s.path >= p.low and s.path < p.high
        and (p.regex is null or s.path ~ p.regex))`;
    const lowest = ranges.map(({ low }) => low).toSorted(compareInUtf8)[0];
    const highest = ranges
      .map(({ high }) => high)
      .toSorted(compareInUtf8)
      .at(-1);
    if (lowest === undefined || highest === undefined) return matching;
    // A range for the index, so that the list of one folder does not read all others.
    return `s.path >= ${parameter(lowest)} and s.path < ${parameter(highest)} and ${matching}`;
  });
}

/** Returns a name for the text of the conditions, without their values, as a part of a statement's name. */
export function shapeOf(visible: VisiblePaths): string {
  return visible
    .map((patterns) => {
      if (!isPatterns(patterns)) return "undenied";
      return patterns.length === 0 ? "nowhere" : "visible";
    })
    .join("_");
}

function isPatterns(member: readonly RulePattern[] | Hiding): member is readonly RulePattern[] {
  return Array.isArray(member);
}

/** Few policies have statements; only those are parsed. */
function notDenied({ principalId, actions }: Hiding, parameter: (value: unknown) => string): string {
  return `case when s.access_policy is null or position('"statements"' in s.access_policy) = 0 then true else not exists (
      select from jsonb_array_elements(s.access_policy::jsonb -> 'statements') as d (statement)
      where lower(d.statement ->> 'effect') = 'deny'
        and (${isEmpty("principals")} or d.statement -> 'principalIds' ? ${parameter(principalId)}::text)
        and (${isEmpty("actions")} or d.statement -> 'actions' ?| ${parameter(actions)}::text[])) end`;
}

function isEmpty(list: string): string {
  return `coalesce(jsonb_array_length(d.statement -> '${list}'), 0) = 0`;
}

/** Compares texts in the order of the "C" collation. */
function compareInUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

interface PathRange {
  region: string | null;
  low: string;
  high: string;
  /** Null if the range is enough. */
  regex: string | null;
}

function toRange({ region, pattern }: RulePattern): PathRange {
  const { segments, isSubtree } = parsePathPattern(pattern);
  const text = segments.map((segment) => `/${segment}`).join("");
  const whole = isSubtree ? `${text}/` : text;
  const star = whole.indexOf("*");
  if (star >= 0) {
    const low = whole.slice(0, star);
    return { region: region ?? null, low, high: afterPrefix(low), regex: regexOf(segments, isSubtree) };
  }
  // No path holds a control character, so none lies between a path and what follows it here.
  const high = isSubtree ? afterPrefix(whole) : `${whole}\u0001`;
  return { region: region ?? null, low: whole, high, regex: null };
}

function regexOf(segments: readonly string[], isSubtree: boolean): string {
  const parts = segments.map((segment) => `/${segmentRegex(segment)}`);
  return `^${parts.join("")}${isSubtree ? "/.+" : ""}$`;
}

function segmentRegex(segment: string): string {
  // A whole segment is never empty. A star beside other text may match nothing.
  if (segment === "*") return "[^/]+";
  return segment
    .split("*")
    .map((text) => text.replaceAll(/[\\^$.|?+()[\]{}]/g, (character) => `\\${character}`))
    .join("[^/]*");
}
