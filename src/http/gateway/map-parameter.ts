// A query parameter that is one entry of a map from text to text: `metadata.owner=agent-7`. The key may hold dots.
import { type DescField, type DescMessage, type JsonObject, ScalarType } from "@bufbuild/protobuf";
import type { FieldViolation } from "../../domain/errors.ts";
import { fieldByName, isJsonObject, joinPathKey } from "../json-path.ts";

export interface MapEntry {
  field: DescField;
  key: string;
}

/** Undefined when the parameter is none. */
export function mapEntryOf(desc: DescMessage, name: string): MapEntry | undefined {
  const dot = name.indexOf(".");
  const field = dot < 0 ? undefined : fieldByName(desc, name.slice(0, dot));
  const isTextMap =
    field?.fieldKind === "map" && field.scalar === ScalarType.STRING && field.mapKey === ScalarType.STRING;
  return isTextMap && field.name === name.slice(0, dot) ? { field, key: name.slice(dot + 1) } : undefined;
}

/** Sets the entry below `root`, which no body fills. */
export function placeMapEntry(
  root: JsonObject,
  { field, key }: MapEntry,
  values: readonly string[],
): FieldViolation | undefined {
  const path = joinPathKey(field.name, key);
  if (key === "") return { field: path, description: "must have a key after the dot" };
  if (values.length > 1) return { field: path, description: "must be given once" };
  const map = root[field.name];
  const entries = isJsonObject(map) ? map : {};
  // Not an assignment: a key may be __proto__.
  Object.defineProperty(entries, key, { value: values[0] ?? "", enumerable: true, writable: true, configurable: true });
  root[field.name] = entries;
  return undefined;
}
