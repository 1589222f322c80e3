// Parses path templates of google.api.http and matches them with the decoded segments of a path. `**` is also allowed before the end.

/** `literal`, `*` (one segment) or `**` (any number of segments, only once). */
export type TemplateSegment = { kind: "literal"; text: string } | { kind: "one" } | { kind: "rest" };

export interface TemplateVariable {
  /** The names of the messages around the field, outermost first, and of the field. */
  fieldPath: readonly string[];
  /** The template's segments of the variable: from `from` to the one before `to`. */
  from: number;
  to: number;
}

export interface PathTemplate {
  segments: readonly TemplateSegment[];
  variables: readonly TemplateVariable[];
  /** The text after the last colon; empty if there is none. */
  verb: string;
  /** The index of `**`; undefined if there is none. */
  restIndex: number | undefined;
}

const literalPattern = /^[A-Za-z0-9\-._~!$&'()+,;=@]+$/;
const fieldPathPattern = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;

/** Parses a template such as `/v1/{name=shelves/*}/books/{id}:verb`. Throws an Error that quotes it. */
export function parsePathTemplate(template: string): PathTemplate {
  const invalid = (problem: string) => new Error(`path template "${template}": ${problem}`);
  const [, body, verb] = /^\/(.*?)(?::([^:{}/*]+))?$/.exec(template) ?? [];
  if (body === undefined) throw invalid("must begin with a slash");
  if (verb !== undefined && !literalPattern.test(verb)) throw invalid("has a verb that is not a literal");
  const segments: TemplateSegment[] = [];
  const variables: TemplateVariable[] = [];
  for (const part of splitOutsideBraces(body)) {
    const [, fieldPath, pattern = "*"] = /^\{([^{}=]+)(?:=([^{}]+))?\}$/.exec(part) ?? [];
    if (fieldPath === undefined) {
      segments.push(parseSegment(part, invalid));
      continue;
    }
    if (!fieldPathPattern.test(fieldPath)) throw invalid(`"${fieldPath}" is not a field path`);
    const from = segments.length;
    segments.push(...pattern.split("/").map((segment) => parseSegment(segment, invalid)));
    variables.push({ fieldPath: fieldPath.split("."), from, to: segments.length });
  }
  const rests = segments.flatMap(({ kind }, index) => (kind === "rest" ? [index] : []));
  if (rests.length > 1) throw invalid("may have ** only once");
  const names = variables.map((variable) => variable.fieldPath.join("."));
  if (new Set(names).size < names.length) throw invalid("binds a variable twice");
  return { segments, variables, verb: verb ?? "", restIndex: rests[0] };
}

function splitOutsideBraces(body: string): string[] {
  return body.split(/\/(?![^{]*\})/);
}

function parseSegment(text: string, invalid: (problem: string) => Error): TemplateSegment {
  if (text === "*") return { kind: "one" };
  if (text === "**") return { kind: "rest" };
  if (!literalPattern.test(text) || text === "." || text === "..") throw invalid(`"${text}" is not a segment`);
  return { kind: "literal", text };
}

/** Returns whether the template's segments fit these decoded ones. Does not compare the verb. */
export function matchesTemplate(template: PathTemplate, segments: readonly string[]): boolean {
  const { segments: wanted, restIndex } = template;
  const fits = restIndex === undefined ? segments.length === wanted.length : segments.length >= wanted.length - 1;
  if (!fits) return false;
  for (let i = 0; i < wanted.length; i++) {
    const segment = wanted[i] as TemplateSegment;
    if (segment.kind === "literal" && segment.text !== segments[positionOf(template, segments, i)]) return false;
  }
  return true;
}

/** Returns the text of each variable in matching segments, in the order of `variables`. */
export function bindVariables(template: PathTemplate, segments: readonly string[]): string[] {
  return template.variables.map(({ from, to }) => {
    const start = positionOf(template, segments, from);
    const end = positionOf(template, segments, to);
    return end === start + 1 ? (segments[start] as string) : segments.slice(start, end).join("/");
  });
}

/** Returns the index in a path of a segment of the template. Segments after `**` count from the path's end. */
function positionOf({ segments: wanted, restIndex }: PathTemplate, segments: readonly string[], index: number): number {
  return restIndex === undefined || index <= restIndex ? index : index + segments.length - wanted.length;
}

/** Returns the template without the names of its variables. Two routes with the same shape fit the same paths. */
export function templateShape(template: PathTemplate): string {
  const segments = template.segments.map((segment) =>
    segment.kind === "literal" ? segment.text : { one: "*", rest: "**" }[segment.kind],
  );
  return `/${segments.join("/")}${template.verb === "" ? "" : `:${template.verb}`}`;
}
