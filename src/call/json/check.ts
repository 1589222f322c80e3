// Checks a JSON value against a message's descriptor, more strictly than fromJson does, and lists every broken rule.
import type { DescField, DescMessage, DescOneof, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { hasCustomJsonRepresentation } from "@bufbuild/protobuf/wkt";
import { absent_when_empty } from "../../../gen/coffer/rest/v1/options_pb.ts";
import type { FieldViolation } from "../../domain/error/errors.ts";
import { hasTooMany, tooManyEntries } from "../schema/entry-limits.ts";
import { fieldOption } from "../schema/field-option.ts";
import { fieldByName, isJsonObject, joinPath, joinPathKey } from "./path.ts";
import { mapKeyProblem, scalarProblem, textProblem } from "./scalar.ts";
import { wellKnownProblem } from "./well-known.ts";

/** A body with a million wrong items must not cause an answer of that size. */
const violationsMax = 100;

export interface CheckOptions {
  /** Accept only the field names of the proto file, and numbers only as JSON numbers. */
  isExact: boolean;
}

interface Walk extends CheckOptions {
  violations: FieldViolation[];
}

/**
 * Returns all violations in `json`, with paths as `json` spells them. Removes the values that have violations, and nulls and empty
 * texts that mean "absent".
 */
export function checkMessage(desc: DescMessage, json: JsonValue, { isExact }: CheckOptions): FieldViolation[] {
  const walk: Walk = { violations: [], isExact };
  walkMessage(walk, desc, json, "");
  return walk.violations;
}

/** Returns false. The functions below return false for a value that must be removed. */
function report(walk: Walk, field: string, description: string): false {
  if (walk.violations.length < violationsMax) walk.violations.push({ field, description });
  return false;
}

function walkMessage(walk: Walk, desc: DescMessage, json: JsonValue, path: string): boolean {
  if (hasCustomJsonRepresentation(desc)) {
    const problem = wellKnownProblem(desc, json);
    return problem === undefined || report(walk, path, problem);
  }
  if (!isJsonObject(json)) return report(walk, path, "must be an object");
  const keys = Object.keys(json);
  // A single member collides with no other.
  const given = keys.length > 1 ? new Map<DescField | DescOneof, string>() : undefined;
  for (const key of keys) {
    if (!walkMember(walk, desc, key, json[key] as JsonValue, given, joinPath(path, key))) delete json[key];
  }
  return true;
}

function walkMember(
  walk: Walk,
  desc: DescMessage,
  key: string,
  value: JsonValue,
  given: Map<DescField | DescOneof, string> | undefined,
  at: string,
): boolean {
  const field = fieldByName(desc, key);
  if (field === undefined || (walk.isExact && key !== field.name)) return report(walk, at, "is not a known field");
  if (given && !isGivenOnce(walk, given, field, at)) return false;
  if ((value === null && !takesNull(field)) || (value === "" && isAbsentWhenEmpty(field))) return false;
  if (given && field.oneof !== undefined && !isOnlyMember(walk, given, field.oneof, at)) return false;
  return walkField(walk, field, value, at);
}

function isGivenOnce(walk: Walk, given: Map<DescField | DescOneof, string>, field: DescField, at: string): boolean {
  const earlier = given.get(field);
  if (earlier !== undefined) return report(walk, at, `is the same field as ${earlier}`);
  given.set(field, at);
  return true;
}

function isOnlyMember(walk: Walk, given: Map<DescField | DescOneof, string>, oneof: DescOneof, at: string): boolean {
  const earlier = given.get(oneof);
  if (earlier !== undefined) return report(walk, at, `cannot be given together with ${earlier}`);
  given.set(oneof, at);
  return true;
}

const isAbsentWhenEmpty = fieldOption(absent_when_empty);

/** Returns whether null is a value of the field. For other fields null means unset. */
function takesNull(field: DescField): boolean {
  return (
    (field.fieldKind === "enum" && field.enum.typeName === "google.protobuf.NullValue") ||
    (field.fieldKind === "message" && field.message.typeName === "google.protobuf.Value")
  );
}

function walkField(walk: Walk, field: DescField, json: JsonValue, at: string): boolean {
  switch (field.fieldKind) {
    case "list":
      if (!Array.isArray(json)) return report(walk, at, "must be a list");
      if (hasTooMany(field, json.length)) return report(walk, at, tooManyEntries(field));
      // Do not remove an item: the items after it would change their numbers.
      return json.map((item, index) => walkElement(walk, field, item, `${at}[${index}]`)).every(Boolean);
    case "map":
      if (!isJsonObject(json)) return report(walk, at, "must be an object");
      if (hasTooMany(field, Object.keys(json).length)) return report(walk, at, tooManyEntries(field));
      return walkMap(walk, field, json, at);
    default:
      return walkSingular(walk, field, json, at);
  }
}

function walkMap(walk: Walk, field: DescField & { fieldKind: "map" }, json: JsonObject, at: string): boolean {
  for (const [key, value] of Object.entries(json)) {
    const entry = joinPathKey(at, key);
    const problem = mapKeyProblem(field.mapKey, key);
    const isKey = problem === undefined || report(walk, entry, problem);
    const isValue = walkElement(walk, field, value, entry);
    if (!isKey || !isValue) delete json[key];
  }
  return true;
}

type ElementField = DescField & { fieldKind: "list" | "map" };

function walkElement(walk: Walk, field: ElementField, json: JsonValue, at: string): boolean {
  if (json === null && field.message?.typeName !== "google.protobuf.Value") return report(walk, at, "must not be null");
  return walkSingular(walk, field, json, at);
}

function walkSingular(walk: Walk, field: DescField, json: JsonValue, at: string): boolean {
  if (field.message !== undefined) return walkMessage(walk, field.message, json, at);
  const type = field.scalar ?? field.enum;
  const problem = scalarProblem(type, json) ?? (walk.isExact ? textProblem(type, json) : undefined);
  return problem === undefined || report(walk, at, problem);
}
