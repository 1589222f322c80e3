// Names fields of a request for people: paths as the caller spelled them, and the fields that both spellings mean.
import type { DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";

const keyLengthMax = 256;
const fieldsByName = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** The field that `name` means: its name in the proto file or its lowerCamelCase name. */
export function fieldByName(desc: DescMessage, name: string): DescField | undefined {
  let fields = fieldsByName.get(desc);
  if (fields === undefined) {
    fields = new Map(desc.fields.flatMap((field) => [[field.name, field] as const, [field.jsonName, field] as const]));
    fieldsByName.set(desc, fields);
  }
  return fields.get(name);
}

/** `secret` + `labels` → `secret.labels`; a key that is no identifier is quoted. */
export function joinPath(path: string, key: string): string {
  if (!/^[A-Za-z_]\w{0,63}$/.test(key)) return joinPathKey(path, key);
  return path === "" ? key : `${path}.${key}`;
}

/** `values` + `a` → `values["a"]`, cut where it gets long and safe to print. */
export function joinPathKey(path: string, key: string): string {
  const shown = key.length > keyLengthMax ? `${key.slice(0, keyLengthMax)}…` : key;
  return `${path}[${JSON.stringify(shown)}]`;
}

export function isJsonObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
