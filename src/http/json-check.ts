// Walks a JSON value along a message's descriptor and lists what fromJson would refuse, and what it would let through too easily.
import {
  type DescField,
  type DescMessage,
  type DescOneof,
  getOption,
  type JsonObject,
  type JsonValue,
  type Registry,
} from "@bufbuild/protobuf";
import { hasCustomJsonRepresentation } from "@bufbuild/protobuf/wkt";
import { absent_when_empty } from "../../gen/coffer/rest/v1/options_pb.ts";
import type { FieldViolation } from "../domain/errors.ts";
import { hasTooMany, tooManyEntries } from "../rpc/entry-limits.ts";
import { fieldByName, isJsonObject, joinPath, joinPathKey } from "./json-path.ts";
import { mapKeyProblem, scalarProblem, textProblem } from "./json-scalar.ts";
import { wellKnownProblem } from "./json-well-known.ts";

/** More than this help nobody, and a body of a million wrong items must not make an answer of that size. */
const violationsMax = 100;

export interface CheckOptions {
  registry: Registry | undefined;
  /** Only the names of the proto file, and numbers as numbers. */
  isExact: boolean;
}

interface Walk extends CheckOptions {
  violations: FieldViolation[];
}

/** All violations in `json`, with paths in its own spelling. Removes nulls and empty texts that mean "absent". */
export function checkMessage(
  desc: DescMessage,
  json: JsonValue,
  { registry, isExact }: CheckOptions,
): FieldViolation[] {
  const walk: Walk = { violations: [], registry, isExact };
  walkMessage(walk, desc, json, "");
  return walk.violations;
}

function report(walk: Walk, field: string, description: string): void {
  if (walk.violations.length < violationsMax) walk.violations.push({ field, description });
}

function walkMessage(walk: Walk, desc: DescMessage, json: JsonValue, path: string): void {
  if (hasCustomJsonRepresentation(desc)) {
    const problem = wellKnownProblem(desc, json, walk.registry);
    if (problem !== undefined) report(walk, path, problem);
    return;
  }
  if (!isJsonObject(json)) {
    report(walk, path, "must be an object");
    return;
  }
  const given = new Map<DescField | DescOneof, string>();
  for (const [key, value] of Object.entries(json)) {
    const at = joinPath(path, key);
    const field = fieldByName(desc, key);
    if (field === undefined || (walk.isExact && key !== field.name)) {
      report(walk, at, "is not a known field");
    } else if (isGivenOnce(walk, given, field, at)) {
      if ((value === null && !takesNull(field)) || (value === "" && isAbsentWhenEmpty(field))) delete json[key];
      else if (field.oneof === undefined || isOnlyMember(walk, given, field.oneof, at))
        walkField(walk, field, value, at);
    }
  }
}

function isGivenOnce(walk: Walk, given: Map<DescField | DescOneof, string>, field: DescField, at: string): boolean {
  const earlier = given.get(field);
  if (earlier === undefined) given.set(field, at);
  else report(walk, at, `is the same field as ${earlier}`);
  return earlier === undefined;
}

function isOnlyMember(walk: Walk, given: Map<DescField | DescOneof, string>, oneof: DescOneof, at: string): boolean {
  const earlier = given.get(oneof);
  if (earlier === undefined) given.set(oneof, at);
  else report(walk, at, `cannot be given together with ${earlier}`);
  return earlier === undefined;
}

function isAbsentWhenEmpty(field: DescField): boolean {
  return getOption(field, absent_when_empty);
}

/** Fields for which null is a value; for all others it means unset. */
function takesNull(field: DescField): boolean {
  return (
    (field.fieldKind === "enum" && field.enum.typeName === "google.protobuf.NullValue") ||
    (field.fieldKind === "message" && field.message.typeName === "google.protobuf.Value")
  );
}

function walkField(walk: Walk, field: DescField, json: JsonValue, at: string): void {
  switch (field.fieldKind) {
    case "list":
      if (!Array.isArray(json)) report(walk, at, "must be a list");
      else if (hasTooMany(field, json.length)) report(walk, at, tooManyEntries(field));
      else for (const [index, item] of json.entries()) walkElement(walk, field, item, `${at}[${index}]`);
      return;
    case "map":
      if (!isJsonObject(json)) report(walk, at, "must be an object");
      else if (hasTooMany(field, Object.keys(json).length)) report(walk, at, tooManyEntries(field));
      else walkMap(walk, field, json, at);
      return;
    default:
      walkSingular(walk, field, json, at);
  }
}

function walkMap(walk: Walk, field: DescField & { fieldKind: "map" }, json: JsonObject, at: string): void {
  for (const [key, value] of Object.entries(json)) {
    const entry = joinPathKey(at, key);
    const problem = mapKeyProblem(field.mapKey, key);
    if (problem !== undefined) report(walk, entry, problem);
    walkElement(walk, field, value, entry);
  }
}

type ElementField = DescField & { fieldKind: "list" | "map" };

function walkElement(walk: Walk, field: ElementField, json: JsonValue, at: string): void {
  if (json === null && field.message?.typeName !== "google.protobuf.Value") report(walk, at, "must not be null");
  else walkSingular(walk, field, json, at);
}

function walkSingular(walk: Walk, field: DescField, json: JsonValue, at: string): void {
  if (field.message !== undefined) {
    walkMessage(walk, field.message, json, at);
    return;
  }
  const type = field.scalar ?? field.enum;
  const problem = scalarProblem(type, json) ?? (walk.isExact ? textProblem(type, json) : undefined);
  if (problem !== undefined) report(walk, at, problem);
}
