// Writes scalars, enums and times as JSON text.
import { type DescEnum, ScalarType, toJson } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";

/** Fails for a value of another type: text of a wrong type would look like a right answer. */
export type TextOf = (value: unknown) => string;

export function scalarText(type: ScalarType): TextOf {
  switch (type) {
    case ScalarType.STRING:
      return stringText;
    case ScalarType.BOOL:
      return booleanText;
    case ScalarType.BYTES:
      return bytesText;
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return decimalText;
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return longText;
    default:
      return integerText;
  }
}

/** JSON has the name of a value; a number that the schema does not know stays a number. */
export function enumText(desc: DescEnum): TextOf {
  if (desc.typeName === "google.protobuf.NullValue") return () => "null";
  const names = new Map<unknown, string>(desc.values.map(({ number, jsonName }) => [number, JSON.stringify(jsonName)]));
  return (value) => names.get(value) ?? integerText(value);
}

function stringText(value: unknown): string {
  if (typeof value !== "string") throw wrongType("string", value);
  return JSON.stringify(value);
}

function booleanText(value: unknown): string {
  if (typeof value !== "boolean") throw wrongType("boolean", value);
  return value ? "true" : "false";
}

function bytesText(value: unknown): string {
  if (!(value instanceof Uint8Array)) throw wrongType("bytes", value);
  return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")}"`;
}

function integerText(value: unknown): string {
  if (typeof value !== "number") throw wrongType("number", value);
  return `${value}`;
}

function decimalText(value: unknown): string {
  if (typeof value !== "number") throw wrongType("number", value);
  return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
}

/** JSON has 64-bit numbers as text, because JavaScript reads numbers as doubles. */
function longText(value: unknown): string {
  if (typeof value !== "bigint") throw wrongType("bigint", value);
  return `"${value}"`;
}

function wrongType(expected: string, value: unknown): TypeError {
  return new TypeError(`a field of an answer must be a ${expected}, not a ${typeof value}`);
}

const daySeconds = 86_400;
/** The first second after the year 9999. */
const secondsEnd = 253_402_300_800;

let lastDay = -1;
let lastDayText = "";

/** Times of one answer are often of the same day, so the date is computed once for each day. */
export function timestampText(timestamp: Timestamp): string {
  const seconds = Number(timestamp.seconds);
  const { nanos } = timestamp;
  if (!(seconds >= 0 && seconds < secondsEnd && nanos >= 0 && nanos < 1e9 && nanos % 1e6 === 0)) {
    return JSON.stringify(toJson(TimestampSchema, timestamp));
  }
  const day = Math.floor(seconds / daySeconds);
  if (day !== lastDay) {
    lastDayText = `"${new Date(day * daySeconds * 1000).toISOString().slice(0, 11)}`;
    lastDay = day;
  }
  const second = seconds - day * daySeconds;
  const minute = Math.floor(second / 60);
  const hour = Math.floor(minute / 60);
  const text = `${lastDayText}${twoDigits[hour]}:${twoDigits[minute - 60 * hour]}:${twoDigits[second - 60 * minute]}`;
  return nanos === 0 ? `${text}Z"` : `${text}.${String(nanos / 1e6).padStart(3, "0")}Z"`;
}

const twoDigits: readonly string[] = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, "0"));
