// Combines body, path variables and query parameters into one request message, and reports every parameter that breaks a rule.
import type { DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { in_query_too, null_clears } from "../../../gen/coffer/rest/v1/options_pb.ts";
import { type JsonInput, readJsonValue } from "../../call/json/input.ts";
import { fieldByName, isJsonObject, joinPath } from "../../call/json/path.ts";
import { fieldOption } from "../../call/schema/field-option.ts";
import { CofferError, type FieldViolation } from "../../domain/error/errors.ts";
import { mapEntryOf, putMapEntry } from "./map-parameter.ts";
import { parameterToJson, takesParameter } from "./parameter.ts";
import type { BodyTarget, Route } from "./route.ts";

const clearsOnNull = fieldOption(null_clears);
const isInQueryToo = fieldOption(in_query_too);

export interface RestInput {
  /** Undefined when the request has no body. */
  body: JsonValue | undefined;
  /** The texts of the path's variables, as in RouteMatch. */
  variables: readonly string[];
  query: ReadonlyMap<string, readonly string[]>;
}

/** A field below the request message, and its path as the caller spelled it. */
interface Target {
  fields: readonly DescField[];
  spelling: readonly string[];
}

/** Returns the message, and the violations of body, path and query. Throws REQUEST_MALFORMED. */
export function readRequest(route: Route, input: RestInput): JsonInput {
  const violations: FieldViolation[] = [];
  const root = putBody(route.body, input.body);
  const desc = route.method.input;
  if (route.updateMask) violations.push(...putMask(route.updateMask, route, root));
  const inPath = targetsOf(route);
  for (let i = 0; i < inPath.length; i++) {
    const target = inPath[i] as Target;
    const value = parameterToJson(leaf(target), [input.variables[i] as string]);
    const problem = putValue(root, target, value, "is given in the path already");
    if (problem !== undefined) violations.push(problem);
  }
  if (input.query.size > 0) {
    const bound = inPath.map(identity);
    for (const [name, values] of input.query) {
      const problem = putParameter(route, root, name, values, bound);
      if (problem !== undefined) violations.push(problem);
    }
  }
  const { exactJson, fieldNames } = route.api;
  return readJsonValue(desc, root, { violations, isExact: exactJson, spelling: fieldNames });
}

const targets = new WeakMap<Route, readonly Target[]>();

/** Returns the fields of the path's variables. */
function targetsOf(route: Route): readonly Target[] {
  let found = targets.get(route);
  if (!found) {
    found = route.template.variables.map(({ fieldPath }) => {
      const target = resolve(route.method.input, fieldPath, false);
      if (!target) throw new Error(`unbound path variable ${fieldPath.join(".")}`);
      return target;
    });
    targets.set(route, found);
  }
  return found;
}

function putBody(target: BodyTarget, body: JsonValue | undefined): JsonObject {
  switch (target.kind) {
    case "none":
      if (body !== undefined && !(isJsonObject(body) && Object.keys(body).length === 0)) {
        throw new CofferError("REQUEST_MALFORMED", "this request takes no body");
      }
      return {};
    case "message":
      if (body !== undefined && !isJsonObject(body)) {
        throw new CofferError("REQUEST_MALFORMED", "the body must be a JSON object");
      }
      return body ?? {};
    case "field":
      return body === undefined ? {} : { [target.field.name]: body };
  }
}

/** Writes the mask: the fields that the body changes. The path, not the body, may give the others. No caller writes the mask itself. */
function putMask(mask: DescField, { method, template }: Route, root: JsonObject): FieldViolation[] {
  const spellings = [...new Set([mask.name, mask.jsonName])].filter((name) => Object.hasOwn(root, name));
  for (const name of spellings) delete root[name];
  const inPath = new Set(template.variables.map(({ fieldPath }) => fieldPath[0]));
  const named = method.input.fields.filter((field) => {
    if (inPath.has(field.name)) return false;
    const given = [field.name, field.jsonName].find((name) => Object.hasOwn(root, name));
    return given !== undefined && (root[given] !== null || clearsOnNull(field));
  });
  root[mask.name] = named.map(({ jsonName }) => jsonName).join(",");
  return spellings.map((field) => ({ field, description: "is not a known field" }));
}

function putParameter(
  route: Route,
  root: JsonObject,
  name: string,
  values: readonly string[],
  bound: string[],
): FieldViolation | undefined {
  const entry = route.body.kind === "none" ? mapEntryOf(route.method.input, name, route.api.exactJson) : undefined;
  if (entry) return putMapEntry(root, entry, values);
  const spelling = name.split(".");
  const field = spelling.reduce(joinPath, "");
  const target = resolve(route.method.input, spelling, route.api.exactJson);
  const isKnown = target !== undefined && takesParameter(leaf(target));
  if (!isKnown || (route.body.kind === "message" && !isInQueryToo(leaf(target)))) {
    return { field, description: "is not a known parameter" };
  }
  if (route.body.kind === "field" && target.fields[0] === route.body.field) {
    return { field, description: "belongs in the body" };
  }
  if (bound.includes(identity(target))) return { field, description: "is given already" };
  if (values.length > 1 && leaf(target).fieldKind !== "list") return { field, description: "must be given once" };
  bound.push(identity(target));
  const value = parameterToJson(leaf(target), values);
  if (route.body.kind === "message" && root[leaf(target).jsonName] === value) return undefined;
  return putValue(root, target, value, "is given already");
}

function resolve(desc: DescMessage, spelling: readonly string[], isExact: boolean): Target | undefined {
  const fields: DescField[] = [];
  let parent: DescMessage | undefined = desc;
  for (const name of spelling) {
    const field: DescField | undefined = parent === undefined ? undefined : fieldByName(parent, name);
    if (field === undefined || (isExact && field.name !== name)) return undefined;
    fields.push(field);
    parent = field.fieldKind === "message" ? field.message : undefined;
  }
  return { fields, spelling };
}

function leaf({ fields }: Target): DescField {
  return fields[fields.length - 1] as DescField;
}

function identity({ fields }: Target): string {
  return fields.map((field) => field.name).join(".");
}

/** Sets the target below `root`. Returns a violation if it has a value already. */
function putValue(root: JsonObject, target: Target, value: JsonValue, description: string): FieldViolation | undefined {
  let object = root;
  const last = target.fields.length - 1;
  for (let i = 0; i <= last; i++) {
    const given = spellingIn(object, target.fields[i] as DescField);
    const key = given ?? (target.spelling[i] as string);
    if (i === last) {
      if (given !== undefined) return { field: pathOf(root, target), description };
      object[key] = value;
      return undefined;
    }
    const child = object[key] ?? {};
    // Not an object: the check of the whole message reports it.
    if (!isJsonObject(child)) return undefined;
    object[key] = child;
    object = child;
  }
  return undefined;
}

/** Returns the path of a target that is given, as the caller spelled it. */
function pathOf(root: JsonObject, { fields, spelling }: Target): string {
  let object: JsonValue | undefined = root;
  let path = "";
  for (const [i, field] of fields.entries()) {
    const key: string = (isJsonObject(object) && spellingIn(object, field)) || (spelling[i] as string);
    path = joinPath(path, key);
    object = isJsonObject(object) ? object[key] : undefined;
  }
  return path;
}

function spellingIn(object: JsonObject, { name, jsonName }: DescField): string | undefined {
  if (Object.hasOwn(object, name)) return name;
  return Object.hasOwn(object, jsonName) ? jsonName : undefined;
}
