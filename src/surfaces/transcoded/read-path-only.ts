// Reads a request that consists of texts in its path, without JSON. `test/surfaces/transcoded/read-path-only.test.ts` holds it equal to the plain way.
import { create, type DescField, type JsonObject, ScalarType } from "@bufbuild/protobuf";
import type { JsonInput } from "../../call/json/input.ts";
import { fieldByName } from "../../call/json/path.ts";
import { createJsonShape } from "../../call/json/shape.ts";
import type { RestInput } from "./read-request.ts";
import type { Route } from "./route.ts";

const fieldsOfRoutes = new WeakMap<Route, readonly DescField[] | null>();

/** Returns undefined for a request that the plain way must read. */
export function readPathOnly(route: Route, { body, query, variables }: RestInput): JsonInput | undefined {
  if (body !== undefined || query.size > 0) return undefined;
  const fields = textFieldsOf(route);
  if (!fields) return undefined;
  const init: Record<string, string> = {};
  const json: JsonObject = {};
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i] as DescField;
    const text = variables[i] as string;
    // Only the plain way reports such a text.
    if (!text.isWellFormed()) return undefined;
    init[field.localName] = text;
    json[field.name] = text;
  }
  const desc = route.method.input;
  const message = create(desc, init);
  return { message, shape: createJsonShape(desc, json, { violations: [], spelling: route.api.fieldNames }) };
}

/** Returns the fields of the path's variables; null if they are not all texts of the message itself, or the body changes others. */
function textFieldsOf(route: Route): readonly DescField[] | null {
  let fields = fieldsOfRoutes.get(route);
  if (fields === undefined) {
    const found = route.template.variables.map(({ fieldPath }) =>
      fieldPath.length === 1 ? fieldByName(route.method.input, fieldPath[0] as string) : undefined,
    );
    const isText = (field: DescField | undefined): field is DescField =>
      field?.fieldKind === "scalar" && field.scalar === ScalarType.STRING && field.oneof === undefined;
    fields = found.every(isText) && !route.updateMask ? found : null;
    fieldsOfRoutes.set(route, fields);
  }
  return fields;
}
