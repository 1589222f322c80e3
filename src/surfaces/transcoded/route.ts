// Reads the routes of a method from its (google.api.http) option. Throws for options that can never work.
import { type DescField, type DescMessage, type DescMethod, type DescMethodUnary, getOption } from "@bufbuild/protobuf";
import { success_status } from "../../../gen/coffer/rest/v1/options_pb.ts";
import { http } from "../../../gen/google/api/annotations_pb.ts";
import type { HttpRule } from "../../../gen/google/api/http_pb.ts";
import { isUnary } from "../../call/invoke.ts";
import type { TranscodedApi } from "./api.ts";
import { type PathTemplate, parsePathTemplate } from "./path-template.ts";

/** The target of the body: none, the whole message, or one field. */
export type BodyTarget = { kind: "none" } | { kind: "message" } | { kind: "field"; field: DescField };

export interface Route {
  api: TranscodedApi;
  method: DescMethodUnary;
  /** `*` means any. */
  httpMethod: string;
  template: PathTemplate;
  body: BodyTarget;
  /** The field of the response that is the answer; undefined: the whole response. */
  responseBody: DescField | undefined;
  successStatus: number;
  /** The field `update_mask`, for the fields that the body of a PATCH has (AIP-134); undefined if the request has none. */
  updateMask: DescField | undefined;
}

/** Returns all routes of a method: its rule and the rule's additional bindings. */
export function readRoutes(api: TranscodedApi, method: DescMethod): Route[] {
  const rule = getOption(method, http);
  if (rule.pattern.case === undefined) return [];
  if (!isUnary(method)) throw new Error(`${method}: only unary methods can have an HTTP route`);
  return [rule, ...rule.additionalBindings].map((binding) => readRoute(api, method, binding));
}

function readRoute(api: TranscodedApi, method: DescMethodUnary, rule: HttpRule): Route {
  const [httpMethod, path] = readPattern(method, rule);
  const template = parsePathTemplate(path);
  for (const { fieldPath } of template.variables) checkVariable(method, fieldPath);
  const status = getOption(method, success_status) || 200;
  if (status < 200 || status > 299) throw new Error(`${method}: success_status must be from 200 to 299`);
  return {
    api,
    method,
    httpMethod,
    template,
    body: readBodyTarget(method, rule.body),
    responseBody: rule.responseBody === "" ? undefined : fieldNamed(method, method.output, rule.responseBody),
    successStatus: status,
    updateMask: httpMethod === "PATCH" && rule.body === "*" ? maskOf(method.input) : undefined,
  };
}

function maskOf(desc: DescMessage): DescField | undefined {
  return desc.fields.find(
    ({ name, message }) => name === "update_mask" && message?.typeName === "google.protobuf.FieldMask",
  );
}

function readPattern(method: DescMethod, { pattern }: HttpRule): [httpMethod: string, path: string] {
  switch (pattern.case) {
    case undefined:
      throw new Error(`${method}: an additional binding has no path`);
    case "custom":
      return [pattern.value.kind.toUpperCase(), pattern.value.path];
    default:
      return [pattern.case.toUpperCase(), pattern.value];
  }
}

function checkVariable(method: DescMethodUnary, fieldPath: readonly string[]): void {
  let desc: DescMessage | undefined = method.input;
  let field: DescField | undefined;
  for (const name of fieldPath) {
    if (desc === undefined)
      throw new Error(`${method}: path variable ${fieldPath.join(".")} goes through a field that is not a message`);
    field = fieldNamed(method, desc, name);
    desc = field.fieldKind === "message" ? field.message : undefined;
  }
  if (field?.fieldKind !== "scalar" && field?.fieldKind !== "enum") {
    throw new Error(`${method}: path variable ${fieldPath.join(".")} must be a scalar or an enum`);
  }
}

function readBodyTarget(method: DescMethodUnary, body: string): BodyTarget {
  if (body === "") return { kind: "none" };
  if (body === "*") return { kind: "message" };
  return { kind: "field", field: fieldNamed(method, method.input, body) };
}

function fieldNamed(method: DescMethod, desc: DescMessage, name: string): DescField {
  const field = desc.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new Error(`${method}: ${desc.typeName} has no field ${name}`);
  return field;
}
