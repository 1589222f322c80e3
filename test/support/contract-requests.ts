// Requests made from the schemas of a contract: valid ones, and for each constraint one that breaks it and nothing else.
import type { AnySchemaObject } from "ajv/dist/2020.js";
import { type Contract, fits } from "./contracts.ts";

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

export interface MadeRequest {
  /** Says what is special about it. */
  what: string;
  value: JsonObject;
  /** The top-level field that is broken. */
  field: string;
}

/** The examples, each also without each optional field, and with each text and number at its limits. */
export function validRequests(contract: Contract, name: string): MadeRequest[] {
  const schema = resolve(contract, { $ref: `#/$defs/${name}` });
  return examplesOf(schema).flatMap((example, i) => {
    const made = (what: string, value: JsonObject, field = "") => ({ what: `example ${i}${what}`, value, field });
    const optional = Object.keys(example).filter((field) => !requiredOf(schema).includes(field) && !isOfOneOf(field));
    const without = optional.map((field) => made(` without ${field}`, omit(example, field), field));
    const atLimits = Object.keys(example).flatMap((field) =>
      limitsOf(resolve(contract, schema["properties"][field])).map(([what, value]) =>
        made(`, ${field} ${what}`, { ...example, [field]: value }, field),
      ),
    );
    // A rule between two fields may forbid one of these.
    return [made("", example), ...[...without, ...atLimits].filter(({ value }) => fits(contract, name, value))];
  });
}

// A request has exactly one field of such a group, which the contracts do not state.
const ofOneOf = new Set([
  "secretString",
  "secretKeyValues",
  "generateSecret",
  "provider",
  "auth",
  "hosts",
  "credentials",
]);

function isOfOneOf(field: string): boolean {
  return ofOneOf.has(field);
}

/** The examples with null for one optional field after the other, which means that the field is absent. */
export function requestsWithNull(contract: Contract, name: string): MadeRequest[] {
  const schema = resolve(contract, { $ref: `#/$defs/${name}` });
  return examplesOf(schema).flatMap((example, i) => {
    const optional = Object.keys(schema["properties"] as object).filter(
      (field) => !requiredOf(schema).includes(field) && !isOfOneOf(field),
    );
    return optional
      .filter((field) => fits(contract, name, omit(example, field)))
      .map((field) => ({ what: `example ${i}, ${field} null`, value: { ...example, [field]: null }, field }));
  });
}

/** For each constraint of each field of each example, a request that breaks it. */
export function brokenRequests(contract: Contract, name: string): MadeRequest[] {
  const schema = resolve(contract, { $ref: `#/$defs/${name}` });
  const seen = new Set<string>();
  return examplesOf(schema)
    .flatMap((example) => [
      ...requiredOf(schema).flatMap((field) => [
        { what: `without ${field}`, value: omit(example, field), field },
        { what: `${field} null`, value: { ...example, [field]: null }, field },
      ]),
      { what: "with an unknown field", value: { ...example, notAField: 1 }, field: "notAField" },
      ...Object.keys(example).flatMap((field) =>
        brokenValues(contract, schema["properties"][field], example[field] as Json).map(([what, value]) => ({
          what: `${field} ${what}`,
          value: { ...example, [field]: value },
          field,
        })),
      ),
    ])
    .filter(({ what }) => !seen.has(what) && seen.add(what));
}

function examplesOf(schema: AnySchemaObject): JsonObject[] {
  return (schema["examples"] as JsonObject[] | undefined) ?? [];
}

function requiredOf(schema: AnySchemaObject): string[] {
  return (schema["required"] as string[] | undefined) ?? [];
}

function omit(object: JsonObject, field: string): JsonObject {
  const { [field]: _, ...rest } = object;
  return rest;
}

function resolve({ $defs }: Contract, schema: AnySchemaObject): AnySchemaObject {
  const { $ref } = schema;
  if (typeof $ref !== "string") return schema;
  const found = $defs[$ref.slice("#/$defs/".length)];
  if (!found) throw new Error(`no schema ${$ref}`);
  return found;
}

/** Values at the limits of a schema. */
function limitsOf(schema: AnySchemaObject): [what: string, value: Json][] {
  const { type, minLength, maxLength, minimum, maximum, pattern } = schema;
  if (type === "string" && pattern === undefined) {
    const lengths = [minLength, maxLength].filter((length): length is number => length !== undefined);
    return lengths.map((length) => [`of ${length} characters`, textOf(length)]);
  }
  if (type !== "integer") return [];
  return [minimum, maximum].filter((limit) => limit !== undefined).map((limit) => [`${limit}`, limit as number]);
}

let made = 0;

/** Different each time, so that names do not collide; characters of two and three bytes too. */
function textOf(length: number): string {
  const start = String.fromCodePoint(0x4e00 + (made++ % 5_000));
  return length === 0 ? "" : start + "ä".repeat(length - 1);
}

function brokenValues(contract: Contract, reference: AnySchemaObject, example: Json): [what: string, value: Json][] {
  const schema = resolve(contract, reference);
  if (schema["anyOf"] !== undefined) return [["of another type", 7]];
  if (schema["enum"] !== undefined) return [["that is not one of them", "not-one-of-them"]];
  switch (schema["type"]) {
    case "string":
      return brokenTexts(schema);
    case "integer":
      return brokenIntegers(schema);
    case "boolean":
      return [["of another type", "yes"]];
    case "array":
      return brokenLists(contract, schema, example as Json[]);
    case "object":
      return brokenObjects(contract, schema, example as JsonObject);
    default:
      throw new Error(`no rule for ${JSON.stringify(schema)}`);
  }
}

function brokenTexts({ minLength, maxLength, pattern }: AnySchemaObject): [string, Json][] {
  const broken: [string, Json][] = [
    ["of another type", 7],
    ["a list", ["x"]],
    ["an object", {}],
  ];
  if (minLength > 0) broken.push(["too short", "x".repeat(minLength - 1)]);
  if (maxLength !== undefined)
    broken.push(["too long", pattern?.startsWith("^(/") ? `/${"x".repeat(maxLength)}` : "x".repeat(maxLength + 1)]);
  if (pattern !== undefined) broken.push(["of another form", "\u00a0 ?"]);
  return broken;
}

function brokenIntegers({ minimum, maximum }: AnySchemaObject): [string, Json][] {
  const broken: [string, Json][] = [
    ["of another type", "x"],
    ["a fraction", 1.5],
  ];
  if (minimum !== undefined) broken.push(["too small", minimum - 1]);
  if (maximum !== undefined) broken.push(["too large", maximum + 1]);
  return broken;
}

function brokenLists(contract: Contract, { items, maxItems }: AnySchemaObject, example: Json[]): [string, Json][] {
  const [first] = example;
  const broken: [string, Json][] = [["of another type", "x"]];
  if (maxItems !== undefined && first !== undefined) broken.push(["too long", Array(maxItems + 1).fill(first)]);
  if (first === undefined) return broken;
  const inside = brokenValues(contract, items, first).map(([what, value]): [string, Json] => [`item ${what}`, [value]]);
  return [...broken, ...inside];
}

function brokenObjects(contract: Contract, schema: AnySchemaObject, example: JsonObject): [string, Json][] {
  const { properties, additionalProperties } = schema;
  const broken: [string, Json][] = [
    ["of another type", "x"],
    ["a list", []],
  ];
  if (additionalProperties === false) broken.push(["with an unknown member", { ...example, notAField: 1 }]);
  for (const field of requiredOf(schema)) broken.push([`without ${field}`, omit(example, field)]);
  for (const [key, value] of Object.entries(example)) {
    const member = properties?.[key] ?? additionalProperties;
    if (typeof member !== "object") continue;
    broken.push(
      ...brokenValues(contract, member, value).map(([what, wrong]): [string, Json] => [
        `${key} ${what}`,
        { ...example, [key]: wrong },
      ]),
    );
  }
  return broken;
}
