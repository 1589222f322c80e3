// Reads a message from strict proto JSON. Reports every broken rule by its field, never by its value.
import { type DescMessage, fromJson, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import { CofferError, type FieldViolation, failOn } from "../../domain/error/errors.ts";
import { anyTypes } from "../schema/any-types.ts";
import { type CheckOptions, checkMessage } from "./check.ts";
import { createJsonShape, type JsonShape, type ShapeOptions } from "./shape.ts";
import { parseJson } from "./text.ts";

export interface JsonInput<Desc extends DescMessage = DescMessage> {
  /** Without the fields that have violations. A call must be refused if there are any. */
  message: MessageShape<Desc>;
  shape: JsonShape;
}

/** Returns the message in a JSON body, and its violations. Throws REQUEST_MALFORMED. */
export function readJsonMessage<Desc extends DescMessage>(desc: Desc, bytes: Uint8Array): JsonInput<Desc> {
  return readJsonValue(desc, parseJson(bytes), { violations: [], isExact: false });
}

interface ReadOptions extends CheckOptions, Pick<ShapeOptions, "spelling"> {
  /** Violations that were found before. */
  violations: readonly FieldViolation[];
}

/** Returns the message in a JSON value, and its violations. Changes the value. */
export function readJsonValue<Desc extends DescMessage>(
  desc: Desc,
  json: JsonValue,
  options: ReadOptions,
): JsonInput<Desc> {
  const { spelling } = options;
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new CofferError("REQUEST_MALFORMED", "the body must be a JSON object");
  }
  const violations = [...options.violations, ...checkMessage(desc, json, options)];
  try {
    const message = fromJson(desc, json, { registry: anyTypes });
    return { message, shape: createJsonShape(desc, json, { violations, spelling }) };
  } catch {
    // Drop the error: its message holds values of the body.
    failOn(violations);
    throw new CofferError("REQUEST_MALFORMED", `the body is not a valid ${desc.typeName}`);
  }
}
