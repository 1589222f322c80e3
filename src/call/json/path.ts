// Writes the paths of fields as the caller spelled them, and finds fields by both of their names.
import type { DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";

const keyLengthMax = 256;
const fieldsByName = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** Returns the field with this name in the proto file or this lowerCamelCase name. */
export function fieldByName(desc: DescMessage, name: string): DescField | undefined {
  let fields = fieldsByName.get(desc);
  if (fields === undefined) {
    fields = new Map(desc.fields.flatMap((field) => [[field.name, field] as const, [field.jsonName, field] as const]));
    fieldsByName.set(desc, fields);
  }
  return fields.get(name);
}

/** `secret` + `labels` → `secret.labels`. Quotes a key that is not an identifier. */
export function joinPath(path: string, key: string): string {
  if (!/^[A-Za-z_]\w{0,63}$/.test(key)) return joinPathKey(path, key);
  return path === "" ? key : `${path}.${key}`;
}

/** `values` + `a` → `values["a"]`. Cuts long keys, and escapes them for printing. */
export function joinPathKey(path: string, key: string): string {
  const shown = key.length > keyLengthMax ? `${key.slice(0, keyLengthMax)}…` : key;
  return `${path}[${JSON.stringify(shown)}]`;
}

export function isJsonObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
