// Writes the JSON of a REST answer: fields as the API spells them, all fields of implicit presence, and null for unset fields if the API requires it.
import {
  type DescField,
  type DescMessage,
  getOption,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence, hasCustomJsonRepresentation } from "@bufbuild/protobuf/wkt";
import { null_when_unset, omit_when_unset, whole_answer_when_set } from "../../../gen/coffer/rest/v1/options_pb.ts";
import { isJsonObject } from "../../call/json/path.ts";
import { anyTypes } from "../../call/schema/any-types.ts";
import type { TranscodedApi } from "./api.ts";
import type { Route } from "./route.ts";

export function writeResponse(route: Route, message: MessageShape<DescMessage>): JsonValue {
  const { api, method } = route;
  const options = {
    useProtoFieldName: api.fieldNames === "proto",
    alwaysEmitImplicit: true,
    registry: anyTypes,
  };
  const json = shaped(method.output, toJson(method.output, message, options) as JsonValue, api);
  if (!isJsonObject(json)) return json;
  const whole = fieldsOf(method.output, api).find(
    ({ isWholeAnswer, name }) => isWholeAnswer && isJsonObject(json[name] ?? null),
  );
  const { responseBody } = route;
  const name = whole?.name ?? (responseBody && nameIn(api)(responseBody));
  if (name === undefined) return json;
  return json[name] ?? (api.nullWhenUnset ? null : {});
}

/** How a field of an answer is written. */
interface ShownField {
  field: DescField;
  name: string;
  /** Omit the field while it is an empty list or map. */
  isOmittedEmpty: boolean;
  isNullWhenUnset: boolean;
  /** The field alone is the answer if it is set. */
  isWholeAnswer: boolean;
}

const shownFields = new WeakMap<TranscodedApi, Map<DescMessage, readonly ShownField[]>>();

/** Returns the fields of a message as the API writes them. They are cached, because the options of a schema never change. */
function fieldsOf(desc: DescMessage, api: TranscodedApi): readonly ShownField[] {
  const ofApi = shownFields.get(api) ?? new Map<DescMessage, readonly ShownField[]>();
  shownFields.set(api, ofApi);
  let fields = ofApi.get(desc);
  if (!fields) {
    const nameOf = nameIn(api);
    fields = desc.fields.map((field) => {
      const isOmittedEmpty = getOption(field, omit_when_unset);
      const isNullable = api.nullWhenUnset && field.presence !== FeatureSet_FieldPresence.IMPLICIT;
      const isNullWhenUnset = getOption(field, null_when_unset) || (isNullable && !isOmittedEmpty);
      const isWholeAnswer = getOption(field, whole_answer_when_set);
      return { field, name: nameOf(field), isOmittedEmpty, isNullWhenUnset, isWholeAnswer };
    });
    ofApi.set(desc, fields);
  }
  return fields;
}

/** Returns the same JSON in the order of the proto file, with unset fields as the API writes them. */
function shaped(desc: DescMessage, json: JsonValue, api: TranscodedApi): JsonValue {
  if (hasCustomJsonRepresentation(desc) || !isJsonObject(json)) return json;
  const shape: JsonObject = {};
  for (const { field, name, isOmittedEmpty, isNullWhenUnset } of fieldsOf(desc, api)) {
    const value = json[name];
    if (value === undefined) {
      if (isNullWhenUnset) shape[name] = null;
    } else if (!isOmittedEmpty || !isEmpty(value)) {
      shape[name] = shapedField(field, value, api);
    }
  }
  return shape;
}

function nameIn({ fieldNames }: TranscodedApi): (field: DescField) => string {
  return fieldNames === "proto" ? ({ name }) => name : ({ jsonName }) => jsonName;
}

function isEmpty(json: JsonValue): boolean {
  return typeof json === "object" && json !== null && Object.keys(json).length === 0;
}

function shapedField(field: DescField, json: JsonValue, api: TranscodedApi): JsonValue {
  const { message } = field;
  if (message === undefined) return json;
  if (Array.isArray(json)) return json.map((item) => shaped(message, item, api));
  if (field.fieldKind !== "map" || !isJsonObject(json)) return shaped(message, json, api);
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, shaped(message, value, api)]));
}
