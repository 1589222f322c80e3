// Finds lists and maps with more entries than the schema allows, before other code reads the entries.
import { type DescField, type DescMessage, getOption, type Message } from "@bufbuild/protobuf";
import { field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import type { FieldViolation } from "../../domain/error/errors.ts";
import { fieldValue } from "./field-value.ts";

/** Returns a violation for each one in the message or in the messages that it holds. */
export function entryLimitViolations(desc: DescMessage, message: Message, prefix = ""): FieldViolation[] {
  let violations: FieldViolation[] | undefined;
  for (const field of fieldsToCount(desc)) {
    const value = fieldValue(message, field);
    if (typeof value !== "object" || value === null) continue;
    const found = violationsOf(field, value, prefix + field.name);
    if (found.length > 0) violations = [...(violations ?? []), ...found];
  }
  return violations ?? none;
}

const none: FieldViolation[] = [];

function violationsOf(field: DescField, value: object, path: string): FieldViolation[] {
  if (field.fieldKind === "message") return entryLimitViolations(field.message, value as Message, `${path}.`);
  const entries = Array.isArray(value) ? value.length : Object.keys(value).length;
  return hasTooMany(field, entries) ? [{ field: path, description: tooManyEntries(field) }] : none;
}

const counted = new WeakMap<DescMessage, readonly DescField[]>();

/** Returns the fields that are messages, and the lists and maps that have a limit. */
function fieldsToCount(desc: DescMessage): readonly DescField[] {
  let fields = counted.get(desc);
  if (!fields) {
    fields = desc.fields.filter((field) => field.fieldKind === "message" || entriesMaxOf(field) !== undefined);
    counted.set(desc, fields);
  }
  return fields;
}

/** Returns whether a list or map has more entries than its field may have. */
export function hasTooMany(field: DescField, entries: number): boolean {
  const entriesMax = entriesMaxOf(field);
  return entriesMax !== undefined && entries > entriesMax;
}

export function tooManyEntries(field: DescField): string {
  return `must have at most ${entriesMaxOf(field)} entries`;
}

const known = new WeakMap<DescField, number | undefined>();

/** Returns undefined for fields without such a rule. */
export function entriesMaxOf(field: DescField): number | undefined {
  if (!known.has(field)) {
    const { type } = getOption(field, fieldRules);
    const rule = type.case === "repeated" ? type.value.maxItems : type.case === "map" ? type.value.maxPairs : 0n;
    known.set(field, rule === 0n ? undefined : Number(rule));
  }
  return known.get(field);
}
