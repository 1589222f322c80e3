// Writes messages as JSON text, without an object in between. test/http/json-writer.test.ts holds it equal to toJson.
import { type DescField, type DescMessage, type Message, toJson } from "@bufbuild/protobuf";
import {
  FeatureSet_FieldPresence,
  hasCustomJsonRepresentation,
  isWrapperDesc,
  type Timestamp,
} from "@bufbuild/protobuf/wkt";
import { null_when_unset, omit_when_unset } from "../../../gen/coffer/rest/v1/options_pb.ts";
import { anyTypes } from "../schema/any-types.ts";
import { fieldOption } from "../schema/field-option.ts";
import { keptIfFrozen } from "../schema/frozen-messages.ts";
import { enumText, scalarText, type TextOf, timestampText } from "./scalar-text.ts";

/** How an API writes fields. Options of the schema change it for single fields. */
export interface JsonStyle {
  fieldNames: "proto" | "json";
  /** Write the fields that have their default and no presence, also empty lists and maps. */
  writesDefaults: boolean;
  /** An unset field with presence is written as `null` instead of being omitted. */
  nullWhenUnset: boolean;
}

export interface FieldWriter {
  field: DescField;
  /** The name and the colon, after the brace of an object or after another field. */
  first: string;
  next: string;
  /** Returns the value of the field in a message; undefined: the field is omitted. */
  write(message: Message): string | undefined;
}

/** Returns a function that writes messages of a type. Build it once: it prepares every type that the message may hold. */
export function jsonWriter(desc: DescMessage, style: JsonStyle): (message: Message) => string {
  return messageText(desc, style, new Map());
}

/** Returns the writers of a message's fields, in the order of the proto file. */
export function fieldWriters(desc: DescMessage, style: JsonStyle, known: Known = new Map()): FieldWriter[] {
  return desc.fields.map((field) => {
    const name = JSON.stringify(style.fieldNames === "proto" ? field.name : field.jsonName);
    return { field, first: `{${name}:`, next: `,${name}:`, write: fieldText(field, style, known) };
  });
}

export function objectText(writers: readonly FieldWriter[], message: Message): string {
  let text = "";
  for (let i = 0; i < writers.length; i++) {
    const { first, next, write } = writers[i] as FieldWriter;
    const value = write(message);
    if (value !== undefined) text = text === "" ? first + value : text + next + value;
  }
  return text === "" ? "{}" : `${text}}`;
}

/** The writers that exist, because types may hold each other. */
type Known = Map<DescMessage, (message: Message) => string>;

function messageText(desc: DescMessage, style: JsonStyle, known: Known): (message: Message) => string {
  if (hasCustomJsonRepresentation(desc)) return customText(desc, style) as (message: Message) => string;
  let text = known.get(desc);
  if (text === undefined) {
    let writers: readonly FieldWriter[] = [];
    text = keptIfFrozen((message) => objectText(writers, message));
    known.set(desc, text);
    writers = fieldWriters(desc, style, known);
  }
  return text;
}

function customText(desc: DescMessage, { fieldNames, writesDefaults }: JsonStyle): TextOf {
  if (desc.typeName === "google.protobuf.Timestamp") return (value) => timestampText(value as Timestamp);
  const options = {
    useProtoFieldName: fieldNames === "proto",
    alwaysEmitImplicit: writesDefaults,
    registry: anyTypes,
  };
  return (value) => JSON.stringify(toJson(desc, value as Message, options));
}

const isOmittedWhenUnset = fieldOption(omit_when_unset);
const isNullWhenUnset = fieldOption(null_when_unset);

function fieldText(field: DescField, style: JsonStyle, known: Known): FieldWriter["write"] {
  const isOmitted = isOmittedWhenUnset(field);
  const hasPresence = field.presence !== FeatureSet_FieldPresence.IMPLICIT;
  const isNull = isNullWhenUnset(field) || (style.nullWhenUnset && hasPresence && !isOmitted);
  const writesDefault = style.writesDefaults && !isOmitted;
  const { localName } = field;
  const text = valueText(field, style, known);
  switch (field.fieldKind) {
    case "list":
      return whole(localName, listText(text), writesDefault ? "[]" : undefined);
    case "map":
      return whole(localName, mapText(text), writesDefault ? "{}" : undefined);
    default: {
      const unset = isNull ? "null" : undefined;
      if (field.oneof) return inOneof(field.oneof.localName, localName, text, unset);
      if (hasPresence) return present(localName, text, unset);
      return style.writesDefaults ? always(localName, text) : unlessDefault(localName, text);
    }
  }
}

function whole(localName: string, text: TextOf, empty: string | undefined): FieldWriter["write"] {
  return (message) => text(valueIn(message, localName)) || empty;
}

function inOneof(oneof: string, localName: string, text: TextOf, unset: string | undefined): FieldWriter["write"] {
  return (message) => {
    const chosen = valueIn(message, oneof) as { case?: string; value?: unknown };
    return chosen.case === localName ? text(chosen.value) : unset;
  };
}

function present(localName: string, text: TextOf, unset: string | undefined): FieldWriter["write"] {
  return (message) => {
    const value = valueIn(message, localName);
    return value === undefined ? unset : text(value);
  };
}

function always(localName: string, text: TextOf): FieldWriter["write"] {
  return (message) => text(valueIn(message, localName));
}

function unlessDefault(localName: string, text: TextOf): FieldWriter["write"] {
  return (message) => {
    const value = valueIn(message, localName);
    return isDefault(value) ? undefined : text(value);
  };
}

/** The default of a number is 0, not -0. */
function isDefault(value: unknown): boolean {
  if (typeof value === "object") return value instanceof Uint8Array && value.byteLength === 0;
  return value === "" || value === false || value === 0n || Object.is(value, 0);
}

/** Returns an empty text for an empty list. */
function listText(text: TextOf): TextOf {
  return (value) => {
    let items = "";
    for (const item of value as readonly unknown[]) items = items === "" ? `[${text(item)}` : `${items},${text(item)}`;
    return items === "" ? "" : `${items}]`;
  };
}

/** Returns an empty text for an empty map. */
function mapText(text: TextOf): TextOf {
  return (value) => {
    const map = value as Readonly<Record<string, unknown>>;
    let entries = "";
    for (const key of Object.keys(map)) {
      const entry = `${JSON.stringify(key)}:${text(map[key])}`;
      entries = entries === "" ? `{${entry}` : `${entries},${entry}`;
    }
    return entries === "" ? "" : `${entries}}`;
  };
}

/** Returns the writer of a singular field, or of the items of a list or the values of a map. */
function valueText(field: DescField, style: JsonStyle, known: Known): TextOf {
  if (field.scalar !== undefined) return scalarText(field.scalar);
  if (field.enum) return enumText(field.enum);
  const { message } = field;
  if (message.typeName === "google.protobuf.Struct") return JSON.stringify;
  const [wrapped] = message.fields;
  const isUnwrapped = isWrapperDesc(message) && field.fieldKind === "message" && !field.oneof;
  if (isUnwrapped && wrapped?.scalar !== undefined) return scalarText(wrapped.scalar);
  return messageText(message, style, known) as TextOf;
}

function valueIn(message: Message, localName: string): unknown {
  return (message as unknown as Readonly<Record<string, unknown>>)[localName];
}
