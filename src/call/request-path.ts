// Splits a request's path into segments, which it decodes once. Refuses paths that other programs could read in another way.
import { CofferError } from "../domain/error/errors.ts";

export interface RequestPath {
  /** All segments. The last one may contain colons. */
  segments: readonly string[];
  /** The same without the verb, if the decoded last segment has a colon with text on both sides. Clients may send the colon as `%3A`. */
  withVerb: { segments: readonly string[]; verb: string } | undefined;
}

/** Throws REQUEST_MALFORMED for empty, `.` and `..` segments, encoded slashes and invalid percent-encoding. */
export function readRequestPath(path: string): RequestPath {
  const raw = path.slice(1).split("/");
  const segments = raw.map(decodeSegment);
  const last = segments.at(-1) ?? "";
  const colon = last.lastIndexOf(":");
  if (colon < 1 || colon === last.length - 1) return { segments, withVerb: undefined };
  const beforeVerb = checkSegment(last.slice(0, colon));
  const verb = checkSegment(last.slice(colon + 1));
  return { segments, withVerb: { segments: [...segments.slice(0, -1), beforeVerb], verb } };
}

function decodeSegment(raw: string): string {
  return checkSegment(raw.includes("%") ? decodePercent(raw) : raw);
}

function checkSegment(segment: string): string {
  if (segment === "") throw malformedPath("has an empty segment");
  if (segment === "." || segment === "..") throw malformedPath("has a dot segment");
  if (segment.includes("/")) throw malformedPath("has an encoded slash");
  if (segment.includes("\0")) throw malformedPath("has an encoded NUL");
  return segment;
}

function decodePercent(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch {
    throw malformedPath("is not validly percent-encoded UTF-8");
  }
}

function malformedPath(problem: string): CofferError {
  return new CofferError("REQUEST_MALFORMED", `the path ${problem}`);
}
