// The JSON of a REST answer: fields as the surface spells them, every field of implicit presence, and null where a surface wants it.
import {
  type DescField,
  type DescMessage,
  getOption,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  type Registry,
  toJson,
} from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence, hasCustomJsonRepresentation } from "@bufbuild/protobuf/wkt";
import { null_when_unset, omit_when_unset, whole_answer_when_set } from "../../../gen/coffer/rest/v1/options_pb.ts";
import { isJsonObject } from "../../rpc/json-path.ts";
import type { RestSurface } from "../../surfaces/rest-surface.ts";
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
  const whole = fieldsOf(method.output, surface).find(
    ({ isWholeAnswer, name }) => isWholeAnswer && isJsonObject(json[name] ?? null),
  );
  const { responseBody } = route;
  const name = whole?.name ?? (responseBody && nameIn(surface)(responseBody));
  if (name === undefined) return json;
  return json[name] ?? (surface.nullWhenUnset ? null : {});
}

/** How a field of an answer is written. */
interface ShownField {
  field: DescField;
  name: string;
  /** Omitted while it is an empty list or map. */
  isOmittedEmpty: boolean;
  isNullWhenUnset: boolean;
  /** Alone the answer where it is set. */
  isWholeAnswer: boolean;
}

const shownFields = new WeakMap<RestSurface, Map<DescMessage, readonly ShownField[]>>();

/** The fields of a message as the surface writes them: the options of a schema never change. */
function fieldsOf(desc: DescMessage, surface: RestSurface): readonly ShownField[] {
  const ofSurface = shownFields.get(surface) ?? new Map<DescMessage, readonly ShownField[]>();
  shownFields.set(surface, ofSurface);
  let fields = ofSurface.get(desc);
  if (!fields) {
    const nameOf = nameIn(surface);
    fields = desc.fields.map((field) => {
      const isOmittedEmpty = getOption(field, omit_when_unset);
      const isNullable = surface.nullWhenUnset && field.presence !== FeatureSet_FieldPresence.IMPLICIT;
      const isNullWhenUnset = getOption(field, null_when_unset) || (isNullable && !isOmittedEmpty);
      const isWholeAnswer = getOption(field, whole_answer_when_set);
      return { field, name: nameOf(field), isOmittedEmpty, isNullWhenUnset, isWholeAnswer };
    });
    ofSurface.set(desc, fields);
  }
  return fields;
}

/** The same JSON in the order of the proto file, with the surface's way to write unset fields. */
function shaped(desc: DescMessage, json: JsonValue, surface: RestSurface): JsonValue {
  if (hasCustomJsonRepresentation(desc) || !isJsonObject(json)) return json;
  const shape: JsonObject = {};
  for (const { field, name, isOmittedEmpty, isNullWhenUnset } of fieldsOf(desc, surface)) {
    const value = json[name];
    if (value === undefined) {
      if (isNullWhenUnset) shape[name] = null;
    } else if (!isOmittedEmpty || !isEmpty(value)) {
      shape[name] = shapedField(field, value, surface);
    }
  }
  return shape;
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
