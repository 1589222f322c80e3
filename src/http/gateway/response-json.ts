// The JSON of a REST answer: proto field names, every field of implicit presence, and null where a surface wants it.
import {
  type DescField,
  type DescMessage,
  getOption,
  type JsonValue,
  type MessageShape,
  type Registry,
  toJson,
} from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence, hasCustomJsonRepresentation } from "@bufbuild/protobuf/wkt";
import { omit_when_unset } from "../../../gen/coffer/rest/v1/options_pb.ts";
import { isJsonObject } from "../json-path.ts";
import type { Route } from "./route.ts";

export function writeResponse(route: Route, message: MessageShape<DescMessage>, registry?: Registry): JsonValue {
  const desc = route.method.output;
  const options = {
    useProtoFieldName: true,
    alwaysEmitImplicit: true,
    ...(registry === undefined ? {} : { registry }),
  };
  const plain: JsonValue = toJson(desc, message, options);
  const json = route.surface.nullWhenUnset ? withNulls(desc, plain) : plain;
  if (route.responseBody === undefined || !isJsonObject(json)) return json;
  return json[route.responseBody.name] ?? (route.surface.nullWhenUnset ? null : {});
}

/** The same with null for every unset field that has presence, in the order of the proto file. */
function withNulls(desc: DescMessage, json: JsonValue): JsonValue {
  if (hasCustomJsonRepresentation(desc) || !isJsonObject(json)) return json;
  const entries = desc.fields.flatMap((field): [string, JsonValue][] => {
    const value = json[field.name];
    if (value !== undefined) return [[field.name, fieldWithNulls(field, value)]];
    const isLeftOut = field.presence === FeatureSet_FieldPresence.IMPLICIT || getOption(field, omit_when_unset);
    return isLeftOut ? [] : [[field.name, null]];
  });
  return Object.fromEntries(entries);
}

function fieldWithNulls(field: DescField, json: JsonValue): JsonValue {
  const { message } = field;
  if (message === undefined) return json;
  if (Array.isArray(json)) return json.map((item) => withNulls(message, item));
  if (field.fieldKind !== "map" || !isJsonObject(json)) return withNulls(message, json);
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, withNulls(message, value)]));
}
