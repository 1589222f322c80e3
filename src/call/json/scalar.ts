// Checks the JSON value of a scalar or an enum. Descriptions of problems do not contain the value.
import { type DescEnum, type JsonValue, ScalarType } from "@bufbuild/protobuf";

const integerPattern = /^(?:0|-?[1-9]\d{0,19})$/;
const decimalPattern = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const float32Max = 3.4028234663852886e38;

const int32Range = [-(2n ** 31n), 2n ** 31n - 1n] as const;
const uint32Range = [0n, 2n ** 32n - 1n] as const;
const int64Range = [-(2n ** 63n), 2n ** 63n - 1n] as const;
const uint64Range = [0n, 2n ** 64n - 1n] as const;

/** Returns the broken rule, or undefined. */
export function scalarProblem(type: ScalarType | DescEnum, json: JsonValue): string | undefined {
  if (typeof type === "object") return enumProblem(type, json);
  switch (type) {
    case ScalarType.STRING:
      if (typeof json !== "string") return "must be a string";
      return json.isWellFormed() ? undefined : "must not contain half of a surrogate pair";
    case ScalarType.BYTES:
      return typeof json === "string" && isBase64(json) ? undefined : "must be a base64 string";
    case ScalarType.BOOL:
      return typeof json === "boolean" ? undefined : "must be true or false";
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return integerProblem(int32Range, json);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return integerProblem(uint32Range, json);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return integerProblem(int64Range, json);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return integerProblem(uint64Range, json);
    case ScalarType.FLOAT:
      return decimalProblem(float32Max, json);
    case ScalarType.DOUBLE:
      return decimalProblem(Number.MAX_VALUE, json);
  }
}

/** Returns the broken rule if a number is written as text, which proto JSON allows. */
export function textProblem(type: ScalarType | DescEnum, json: JsonValue): string | undefined {
  const isText = type === ScalarType.STRING || type === ScalarType.BYTES || typeof type === "object";
  return typeof json === "string" && !isText ? "must be a number" : undefined;
}

/** Returns the broken rule of a map's key, which JSON always writes as a string. */
export function mapKeyProblem(type: ScalarType, key: string): string | undefined {
  if (type !== ScalarType.BOOL) return scalarProblem(type, key);
  return key === "true" || key === "false" ? undefined : "must have the key true or false";
}

/**
 * Accepts the standard and the URL-safe alphabet, padded or not. The text must be canonical: lenient decoders skip unknown characters,
 * and the value that is read back would differ from the one that was sent.
 */
function isBase64(text: string): boolean {
  const unpadded = text.replace(/={1,2}$/, "");
  if (unpadded !== text && text.length % 4 !== 0) return false;
  const encoding = /[-_]/.test(unpadded) ? "base64url" : "base64";
  const encoded = Buffer.from(unpadded, encoding).toString(encoding);
  return encoded.replace(/={1,2}$/, "") === unpadded;
}

function integerProblem([min, max]: readonly [bigint, bigint], json: JsonValue): string | undefined {
  const integer = integerOf(json);
  if (integer !== undefined && integer >= min && integer <= max) return undefined;
  return `must be a whole number from ${min} to ${max}`;
}

function integerOf(json: JsonValue): bigint | undefined {
  if (typeof json === "number") return Number.isSafeInteger(json) ? BigInt(json) : undefined;
  return typeof json === "string" && integerPattern.test(json) ? BigInt(json) : undefined;
}

function decimalProblem(max: number, json: JsonValue): string | undefined {
  if (json === "NaN" || json === "Infinity" || json === "-Infinity") return undefined;
  const isNumber = typeof json === "number" || (typeof json === "string" && decimalPattern.test(json));
  return isNumber && Math.abs(Number(json)) <= max ? undefined : "must be a number";
}

function enumProblem(desc: DescEnum, json: JsonValue): string | undefined {
  if (desc.typeName === "google.protobuf.NullValue" && json === null) return undefined;
  if (typeof json === "number" && (desc.open ? integerProblem(int32Range, json) === undefined : json in desc.value)) {
    return undefined;
  }
  if (typeof json === "string" && desc.values.some((value) => value.name === json || value.jsonName === json)) {
    return undefined;
  }
  return `must be one of ${desc.values.map((value) => value.name).join(", ")}`;
}
