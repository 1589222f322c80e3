// Checks the JSON of a well-known type (Timestamp, Duration, Any …). Descriptions of problems do not contain the value.
import { type DescMessage, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { anyTypes } from "../schema/any-types.ts";
import { scalarProblem } from "./scalar.ts";

const descriptions: Record<string, string> = {
  "google.protobuf.Timestamp": "is not a valid RFC 3339 timestamp",
  "google.protobuf.Duration": 'is not a valid duration: seconds with the suffix "s"',
  "google.protobuf.FieldMask": "is not a valid field mask: field names in lowerCamelCase, joined by commas",
};

/** Returns the broken rule, or undefined. */
export function wellKnownProblem(desc: DescMessage, json: JsonValue): string | undefined {
  const [wrapped] = desc.fields;
  if (isWrapperDesc(desc) && wrapped?.fieldKind === "scalar") return scalarProblem(wrapped.scalar, json);
  if (!isWellFormed(json)) return "must not contain half of a surrogate pair";
  return isStrict(desc, json) && isReadable(desc, json)
    ? undefined
    : (descriptions[desc.typeName] ?? `is not a valid ${desc.typeName}`);
}

function isWellFormed(json: JsonValue): boolean {
  if (typeof json === "string") return json.isWellFormed();
  if (typeof json !== "object" || json === null) return true;
  return Object.entries(json).every(([key, value]) => key.isWellFormed() && isWellFormed(value));
}

/** Refuses what fromJson accepts: February 30, hour 24, a duration followed by other text. */
function isStrict(desc: DescMessage, json: JsonValue): boolean {
  if (typeof json !== "string") return true;
  switch (desc.typeName) {
    case "google.protobuf.Timestamp":
      return isCalendarDay(json) && !json.slice(10).startsWith("T24");
    case "google.protobuf.Duration":
      return /^-?\d{1,12}(?:\.\d{1,9})?s$/.test(json);
    default:
      return true;
  }
}

function isCalendarDay(timestamp: string): boolean {
  const day = timestamp.slice(0, 10);
  const date = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
}

function isReadable(desc: DescMessage, json: JsonValue): boolean {
  try {
    fromJson(desc, json, { registry: anyTypes });
    return true;
  } catch {
    return false;
  }
}
