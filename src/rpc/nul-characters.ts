// Finds U+0000 in a request's text. PostgreSQL cannot store it, and text must not be cut silently.
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { StructSchema, type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import { joinPath } from "../call/json/path.ts";
import { plainJson } from "../call/plain-json.ts";
import { fieldValue } from "../call/schema/field-value.ts";
import type { FieldViolation } from "../domain/error/errors.ts";

const description = "must not contain the character U+0000";

/** Returns a violation for each string, map key or map value that has one. Values to seal may have it: coffer treats them as bytes. */
export function nulViolations(desc: DescMessage, message: Message, prefix = ""): FieldViolation[] {
  const violations: FieldViolation[] = [];
  const visit = (value: unknown, path: string, nested: DescMessage | undefined) => {
    if (typeof value === "string") {
      if (value.includes("\0")) violations.push({ field: path, description });
    } else if (nested?.typeName === StructSchema.typeName) {
      // Generated code represents it as plain JSON.
      violations.push(...nulInJson(value, path));
    } else if (nested?.typeName === ValueSchema.typeName) {
      if (value !== undefined) violations.push(...nulInJson(plainJson(value as Value), path));
    } else if (nested && typeof value === "object" && value !== null) {
      violations.push(...nulViolations(nested, value as Message, `${path}.`));
    }
  };
  for (const field of desc.fields) {
    const value = fieldValue(message, field);
    // Most fields are like this, and need no path.
    if (value === undefined || (typeof value === "string" && !value.includes("\0"))) continue;
    if (field.proto.options?.debugRedact) continue;
    const path = prefix + field.name;
    if (field.fieldKind === "list" && Array.isArray(value)) {
      for (const [index, item] of value.entries()) visit(item, `${path}[${index}]`, field.message);
    } else if (field.fieldKind === "map" && typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        visit(key, path, undefined);
        visit(item, path, field.message);
      }
    } else {
      visit(value, path, field.message);
    }
  }
  return violations;
}

/** Returns violations with the paths of the JSON. */
function nulInJson(json: unknown, path: string): FieldViolation[] {
  if (typeof json === "string") return json.includes("\0") ? [{ field: path, description }] : [];
  if (typeof json !== "object" || json === null) return [];
  if (Array.isArray(json)) return json.flatMap((item, index) => nulInJson(item, `${path}[${index}]`));
  return Object.entries(json).flatMap(([key, item]) => [
    ...(key.includes("\0") ? [{ field: path, description }] : []),
    ...nulInJson(item, joinPath(path, key)),
  ]);
}
