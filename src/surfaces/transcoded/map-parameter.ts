// A query parameter that is one entry of a map of texts: `metadata.owner=agent-7` or `matchLabels[team]=a`. The key may contain dots.
import { type DescField, type DescMessage, type JsonObject, ScalarType } from "@bufbuild/protobuf";
import { fieldByName, isJsonObject, joinPathKey } from "../../call/json/path.ts";
import type { FieldViolation } from "../../domain/error/errors.ts";

export interface MapEntry {
  field: DescField;
  /** The name of the map as the caller spelled it. */
  spelling: string;
  key: string;
}

/** Returns undefined if the parameter is not an entry of a map. `isExact`: accept only the names of the proto file. */
export function mapEntryOf(desc: DescMessage, name: string, isExact: boolean): MapEntry | undefined {
  const [, spelling, inBrackets, behindDot] = /^([^[\].]+)(?:\[(.*)\]|\.(.*))$/s.exec(name) ?? [];
  const key = inBrackets ?? behindDot;
  if (spelling === undefined || key === undefined) return undefined;
  const field = fieldByName(desc, spelling);
  const isTextMap =
    field?.fieldKind === "map" && field.scalar === ScalarType.STRING && field.mapKey === ScalarType.STRING;
  return isTextMap && !(isExact && field.name !== spelling) ? { field, spelling, key } : undefined;
}

/** Sets the entry below `root`, which has nothing from a body. */
export function putMapEntry(
  root: JsonObject,
  { field, spelling, key }: MapEntry,
  values: readonly string[],
): FieldViolation | undefined {
  const path = joinPathKey(spelling, key);
  if (key === "") return { field: path, description: "must have a key" };
  const map = root[field.name];
  const entries = isJsonObject(map) ? map : {};
  if (values.length > 1 || Object.hasOwn(entries, key)) return { field: path, description: "must be given once" };
  // Not an assignment: a key may be __proto__.
  Object.defineProperty(entries, key, { value: values[0] ?? "", enumerable: true, writable: true, configurable: true });
  root[field.name] = entries;
  return undefined;
}
