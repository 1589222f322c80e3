// Converts a text in a path or a query to JSON, by the type of its field.
import { type DescEnum, type DescField, type DescMessage, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";

/** Well-known types whose JSON is one string. */
const textTypes = new Set(["google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask"]);

const integerTypes: ReadonlySet<ScalarType> = new Set([ScalarType.INT32, ScalarType.UINT32]);

/** Returns whether a field can be a query parameter. Maps cannot, and of messages only those that are one value in JSON. */
export function takesParameter(field: DescField): boolean {
  if (field.fieldKind === "map") return false;
  return field.message === undefined || textTypes.has(field.message.typeName) || isWrapperDesc(field.message);
}

/** Returns a list for a repeated field. A text of a wrong type stays a text, and the check of the message reports it. */
export function parameterToJson(field: DescField, texts: readonly string[]): JsonValue {
  const type = field.scalar ?? field.enum ?? field.message;
  const values = texts.map((text) => textToJson(type, text));
  return field.fieldKind === "list" ? values : (values[0] ?? "");
}

function textToJson(type: ScalarType | DescEnum | DescMessage | undefined, text: string): JsonValue {
  if (typeof type === "object" && type.kind === "message") return textToJson(wrappedType(type), text);
  if (type === ScalarType.BOOL && (text === "true" || text === "false")) return text === "true";
  if (typeof type === "object" && /^-?\d{1,10}$/.test(text)) return Number(text);
  if (typeof type === "number" && integerTypes.has(type) && /^(?:0|-?[1-9]\d{0,9})$/.test(text)) return Number(text);
  // Proto JSON accepts numbers as strings too.
  return text;
}

function wrappedType(desc: DescMessage): ScalarType | undefined {
  return isWrapperDesc(desc) ? desc.fields[0]?.scalar : undefined;
}
