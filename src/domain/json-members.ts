// Reads the members of plain JSON objects. Unknown members are violations.
import type { FieldViolation } from "./error/errors.ts";

const nameShownMax = 64;

export function isObject(json: unknown): json is object {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** Returns the members with these names, and reports every other member as a violation. */
export function membersOf<Name extends string>(
  json: object,
  names: readonly Name[],
  found: FieldViolation[],
  field: string,
): Record<Name, unknown> {
  const known: readonly string[] = names;
  for (const name of Object.keys(json)) {
    if (known.includes(name)) continue;
    const shown = name.slice(0, nameShownMax).toWellFormed();
    found.push({ field: `${field}.${shown}`, description: "is not a known member" });
  }
  const members = json as Record<string, unknown>;
  return Object.fromEntries(names.map((name) => [name, members[name]])) as Record<Name, unknown>;
}
