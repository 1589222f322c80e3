// The JSON of a REST answer: fields as the surface spells them, every field of implicit presence, and null where a surface wants it.
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
import { omit_when_unset, whole_answer_when_set } from "../../../gen/coffer/rest/v1/options_pb.ts";
import type { RestSurface } from "../../surfaces/rest-surface.ts";
import { isJsonObject } from "../json-path.ts";
import type { Route } from "./route.ts";

export function writeResponse(route: Route, message: MessageShape<DescMessage>, registry?: Registry): JsonValue {
  const { surface, method } = route;
  const options = {
    useProtoFieldName: surface.fieldNames === "proto",
    alwaysEmitImplicit: true,
    ...(registry === undefined ? {} : { registry }),
  };
  const json = shaped(method.output, toJson(method.output, message, options) as JsonValue, surface);
  if (!isJsonObject(json)) return json;
  const nameOf = nameIn(surface);
  const whole = method.output.fields.find(
    (field) => getOption(field, whole_answer_when_set) && isJsonObject(json[nameOf(field)] ?? null),
  );
  const answer = whole ?? route.responseBody;
  if (answer === undefined) return json;
  return json[nameOf(answer)] ?? (surface.nullWhenUnset ? null : {});
}

/** The same in the order of the proto file, with what the surface says of fields that are unset. */
function shaped(desc: DescMessage, json: JsonValue, surface: RestSurface): JsonValue {
  if (hasCustomJsonRepresentation(desc) || !isJsonObject(json)) return json;
  const nameOf = nameIn(surface);
  const entries = desc.fields.flatMap((field): [string, JsonValue][] => {
    const name = nameOf(field);
    const value = json[name];
    const omits = getOption(field, omit_when_unset);
    if (value !== undefined) return omits && isEmpty(value) ? [] : [[name, shapedField(field, value, surface)]];
    const isLeftOut = !surface.nullWhenUnset || field.presence === FeatureSet_FieldPresence.IMPLICIT || omits;
    return isLeftOut ? [] : [[name, null]];
  });
  return Object.fromEntries(entries);
}

function nameIn({ fieldNames }: RestSurface): (field: DescField) => string {
  return fieldNames === "proto" ? ({ name }) => name : ({ jsonName }) => jsonName;
}

function isEmpty(json: JsonValue): boolean {
  return typeof json === "object" && json !== null && Object.keys(json).length === 0;
}

function shapedField(field: DescField, json: JsonValue, surface: RestSurface): JsonValue {
  const { message } = field;
  if (message === undefined) return json;
  if (Array.isArray(json)) return json.map((item) => shaped(message, item, surface));
  if (field.fieldKind !== "map" || !isJsonObject(json)) return shaped(message, json, surface);
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, shaped(message, value, surface)]));
}
