// Checks a request against its schema, and reports every broken rule, coffer's own rules included.
import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { createValidator, type Violation } from "@bufbuild/protovalidate";
import type { JsonShape } from "../call/json/shape.ts";
import { entryLimitViolations } from "../call/schema/entry-limits.ts";
import { fieldValue } from "../call/schema/field-value.ts";
import { type FieldViolation, failOn } from "../domain/error/errors.ts";
import type { DryRun } from "./dry-run.ts";
import { nulViolations } from "./nul-characters.ts";
import type { UnaryCall } from "./unary-call.ts";

const validator = createValidator();

/** Returns undefined for a valid request. Otherwise returns a promise that fails with FIELD_INVALID, with fields as the caller spelled them. */
export function refuseInvalid(call: UnaryCall, dryRun: DryRun): Promise<never> | undefined {
  const { message, shape } = call;
  const { input } = call.method;
  const spell = (violations: readonly FieldViolation[]) =>
    shape ? violations.map(({ field, description }) => ({ field: shape.spell(field), description })) : violations;
  failOn(spell(entryLimitViolations(input, message)));
  const ofSchema = schemaViolations(input, message, shape);
  const ofShape = shape?.violations ?? [];
  if (ofSchema.length === 0 && ofShape.length === 0) return undefined;
  return refuse(withMore(input, ofShape, spell(ofSchema)), async () => spell(await dryRun(call)), input);
}

/** Reports coffer's own rules too, beside those of the schema. */
async function refuse(
  found: readonly FieldViolation[],
  findMore: () => Promise<readonly FieldViolation[]>,
  input: DescMessage,
): Promise<never> {
  const more = await findMore();
  failOn(withMore(input, found, more.filter(isOutsideItems(found))));
  throw new Error("no violation is left");
}

/** Compiles the rules of these messages before the first request arrives. This takes up to a second. */
export function warmUp(descs: readonly DescMessage[]): void {
  for (const desc of descs) validator.validate(desc, create(desc));
}

/** Adds violations except those of a field that is reported already, of fields inside or around it, and of its oneof. */
function withMore(
  desc: DescMessage,
  found: readonly FieldViolation[],
  more: readonly FieldViolation[],
): FieldViolation[] {
  const fields = found.map(({ field }) => comparable(field));
  const around = new Set(fields.flatMap(pathsAround));
  const oneofs = desc.oneofs.filter((oneof) => oneof.fields.some(({ name }) => around.has(comparable(name))));
  const known = new Set([...fields, ...oneofs.map(({ name }) => comparable(name))]);
  const isKnown = (field: string) => around.has(field) || pathsAround(field).some((path) => known.has(path));
  return [...found, ...more.filter(({ field }) => !isKnown(comparable(field)))];
}

/** Omits violations of a list's item if another field of the same item is broken. */
function isOutsideItems(found: readonly FieldViolation[]): (violation: FieldViolation) => boolean {
  const items = new Set(found.flatMap(({ field }) => /^.*\](?=\.\w+$)/.exec(field) ?? []));
  return ({ field }) => !pathsAround(field).some((path) => path !== field && items.has(path));
}

/** Returns the path and the paths around it. There may be thousands of violations, so they are found in sets and not compared in pairs. */
function pathsAround(field: string): string[] {
  return [...[...field.matchAll(/[.[]/g)].map(({ index }) => field.slice(0, index)), field];
}

/** Returns the same text for both spellings of a field. */
function comparable(field: string): string {
  return field.replaceAll("_", "").toLowerCase();
}

function schemaViolations(
  desc: DescMessage,
  message: MessageShape<DescMessage>,
  shape: JsonShape | undefined,
): FieldViolation[] {
  const result = validator.validate(desc, message);
  if (result.kind === "error") throw result.error;
  if (result.kind === "valid") return nulViolations(desc, message);
  const broken = Map.groupBy(result.violations, fieldPath);
  const named = [...broken].flatMap(([field, ofField]): FieldViolation[] => {
    const missing = missingProblem(ofField[0] as Violation, desc, message, shape);
    return missing ? [{ field, description: missing }] : ofField.map((each) => ({ field, description: textOf(each) }));
  });
  return [...named, ...nulViolations(desc, message)];
}

/** Returns one description for a field that is missing or empty, instead of one for each of its rules; undefined for other fields. */
function missingProblem(
  violation: Violation,
  desc: DescMessage,
  message: MessageShape<DescMessage>,
  shape: JsonShape | undefined,
): string | undefined {
  const field = violation.field.at(-1);
  const holder = holderOf(violation, desc, message);
  if (field?.kind !== "field" || !holder) return undefined;
  const value = fieldValue(holder, field);
  // Undefined if unknown: binary messages do not hold zero values.
  const isGiven = shape?.isGiven(fieldPath(violation));
  if (value === undefined) return isGiven ? undefined : "is required";
  const isMissing = isGiven === undefined ? typeof value !== "number" : !isGiven;
  if (field.presence === FeatureSet_FieldPresence.IMPLICIT && isZero(value) && isMissing) return "is required";
  return isEmpty(value) ? "must not be empty" : undefined;
}

/** Returns the message whose field the violation is about; undefined for entries of lists and maps. */
function holderOf(
  { field: path }: Violation,
  desc: DescMessage,
  message: MessageShape<DescMessage>,
): MessageShape<DescMessage> | undefined {
  let parent: DescMessage | undefined = desc;
  let holder: MessageShape<DescMessage> | undefined = message;
  for (const part of path.slice(0, -1)) {
    if (part.kind !== "field" || part.fieldKind !== "message" || !parent || !holder) return undefined;
    holder = fieldValue(holder, part) as MessageShape<DescMessage> | undefined;
    parent = part.message;
  }
  return holder;
}

function isZero(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return !value;
  return isEmpty(value) || Object.keys(value).length === 0;
}

function isEmpty(value: unknown): boolean {
  return value === "" || (value instanceof Uint8Array && value.byteLength === 0);
}

function textOf({ message, field }: Violation): string {
  const part = field.at(-1);
  if (part?.kind !== "oneof") return message;
  return `exactly one of ${part.fields.map(({ name }) => name).join(", ")} is required`;
}

/** Returns a path such as `secret.labels["a"]`, with names as the schema spells them. */
function fieldPath({ field }: Violation): string {
  let path = "";
  for (const part of field) {
    switch (part.kind) {
      case "field":
      case "oneof":
        path += path === "" ? part.name : `.${part.name}`;
        break;
      case "extension":
        path += `[${part.typeName}]`;
        break;
      case "list_sub":
        path += `[${part.index}]`;
        break;
      case "map_sub":
        path += `[${JSON.stringify(part.key)}]`;
        break;
    }
  }
  return path;
}
