// The shape of a message that came as JSON: the fields that have a wrong type, and how the caller spelled fields.
import type { DescField, DescMessage, JsonValue } from "@bufbuild/protobuf";
import { CofferError, type FieldViolation } from "../../domain/error/errors.ts";
import { fieldByName, isJsonObject, joinPath, joinPathKey } from "./path.ts";

export interface JsonShape {
  /** Fields of the wrong shape, as the caller spelled them. They are not in the message. */
  violations: readonly FieldViolation[];
  /** Returns the field as the caller spelled it. If the caller did not give it: as the caller spells other fields. */
  spell(field: string): string;
  isGiven(field: string): boolean;
}

export interface ShapeOptions {
  violations: readonly FieldViolation[];
  /** The spelling of fields that the caller did not give; undefined: the spelling of those that it gave. */
  spelling?: "proto" | "json" | undefined;
}

/** `json` is the body without the fields that have violations. */
export function createJsonShape(desc: DescMessage, json: JsonValue, options: ShapeOptions): JsonShape {
  const walk = (field: string) =>
    walkPath(desc, json, field, () => options.spelling ?? (usesJsonNames(desc, json) ? "json" : "proto"));
  return {
    violations: options.violations,
    spell: (field) => walk(field).spelled,
    isGiven: (field) => walk(field).isGiven,
  };
}

/** Returns the same error, with fields spelled as the caller spelled them. */
export function spelledAsGiven(error: unknown, shape: JsonShape): unknown {
  if (!(error instanceof CofferError) || error.violations.length === 0) return error;
  return error.withFields(shape.spell);
}

const steps = /\.?([A-Za-z_]\w*)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]/y;

function walkPath(
  root: DescMessage,
  rootJson: JsonValue,
  field: string,
  spelling: () => "proto" | "json",
): { spelled: string; isGiven: boolean } {
  let desc: DescMessage | undefined = root;
  let json: JsonValue | undefined = rootJson;
  let spelled = "";
  steps.lastIndex = 0;
  while (steps.lastIndex < field.length) {
    const from = steps.lastIndex;
    const [, name, index, key] = steps.exec(field) ?? [];
    if (name !== undefined) {
      const known: DescField | undefined = desc && fieldByName(desc, name);
      // Not a field of the message, such as the name of a header.
      if (!known) return { spelled: spelled + field.slice(from), isGiven: json !== undefined };
      const object: Record<string, JsonValue> = isJsonObject(json) ? json : {};
      const given = [known.name, known.jsonName].find((candidate) => Object.hasOwn(object, candidate));
      spelled = joinPath(spelled, given ?? (spelling() === "json" ? known.jsonName : known.name));
      json = given === undefined ? undefined : object[given];
      desc = known.message;
    } else if (index !== undefined) {
      spelled += `[${index}]`;
      json = Array.isArray(json) ? json[Number(index)] : undefined;
    } else if (key !== undefined) {
      const text = unquoted(key);
      spelled = joinPathKey(spelled, text);
      json = isJsonObject(json) && Object.hasOwn(json, text) ? json[text] : undefined;
    } else {
      return { spelled: spelled + field.slice(from), isGiven: json !== undefined };
    }
  }
  return { spelled, isGiven: json !== undefined };
}

function unquoted(key: string): string {
  try {
    return JSON.parse(`"${key}"`) as string;
  } catch {
    return key;
  }
}

/** Returns whether any field is spelled in lowerCamelCase where the schema spells it in another way. */
function usesJsonNames(desc: DescMessage, json: JsonValue | undefined): boolean {
  if (!isJsonObject(json)) return false;
  return Object.entries(json).some(([key, value]) => {
    const field = fieldByName(desc, key);
    if (field === undefined) return false;
    if (key !== field.name) return true;
    const { message } = field;
    if (message === undefined || field.fieldKind === "map") return false;
    return (Array.isArray(value) ? value : [value]).some((item) => usesJsonNames(message, item));
  });
}
