// Strict proto JSON: every broken rule of a body is named at once, by its field, and none by its value.
import { type DescMessage, fromJson, type JsonValue, type MessageShape, type Registry } from "@bufbuild/protobuf";
import { CofferError, type FieldViolation, invalidFields } from "../domain/errors.ts";
import { type CheckOptions, checkMessage } from "./json-check.ts";
import { parseJson } from "./json-text.ts";

/** The message in a JSON body. Throws REQUEST_MALFORMED, or FIELD_INVALID with all violations. */
export function readJsonMessage<Desc extends DescMessage>(
  desc: Desc,
  bytes: Uint8Array,
  registry?: Registry,
): MessageShape<Desc> {
  return readJsonValue(desc, parseJson(bytes), { violations: [], registry, isExact: false });
}

interface ReadOptions extends CheckOptions {
  /** What the caller has found already. */
  violations: readonly FieldViolation[];
}

/** The message in a JSON value, which it takes over: nulls that mean "unset" are removed from it. */
export function readJsonValue<Desc extends DescMessage>(
  desc: Desc,
  json: JsonValue,
  options: ReadOptions,
): MessageShape<Desc> {
  const { registry } = options;
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new CofferError("REQUEST_MALFORMED", "the body must be a JSON object");
  }
  const [first, ...others] = [...options.violations, ...checkMessage(desc, json, options)];
  if (first !== undefined) throw invalidFields([first, ...others]);
  try {
    return fromJson(desc, json, registry === undefined ? {} : { registry });
  } catch {
    // Its message, and so its cause, would hold values of the body.
    throw new CofferError("REQUEST_MALFORMED", `the body is not a valid ${desc.typeName}`);
  }
}
