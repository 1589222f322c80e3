// Reads binary messages. Counts their values before it creates objects: one megabyte can hold half a million empty messages.
import { type DescField, type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { valuesMax } from "../../call/json/text.ts";
import { entriesMaxOf, tooManyEntries } from "../../call/schema/entry-limits.ts";
import { CofferError, invalidField } from "../../domain/error/errors.ts";

interface Scan {
  desc: DescMessage;
  bytes: Uint8Array;
  at: number;
  values: number;
}

const depthMax = 32;

/** Returns the message in a binary body. Fails as `checkEntries` does. */
export function readBinaryMessage<Desc extends DescMessage>(desc: Desc, bytes: Uint8Array): MessageShape<Desc> {
  checkEntries(desc, bytes);
  try {
    return fromBinary(desc, bytes);
  } catch {
    throw malformed(desc);
  }
}

/** Fails with FIELD_INVALID for a list or map with too many entries, and with REQUEST_MALFORMED for bytes that are not a message. */
function checkEntries(desc: DescMessage, bytes: Uint8Array): void {
  scanMessage({ desc, bytes, at: 0, values: 0 }, bytes.byteLength, desc, "", 1);
}

/** `desc` is undefined in unknown fields, and in the entries of maps. */
function scanMessage(scan: Scan, end: number, desc: DescMessage | undefined, path: string, depth: number): void {
  if (depth > depthMax) throw malformed(scan.desc);
  const counts = new Map<DescField, number>();
  while (scan.at < end) {
    const tag = readVarint(scan, end);
    const field = desc && fieldsByNumber(desc).get(tag >>> 3);
    countValues(scan, 1);
    if ((tag & 7) !== lengthDelimited) {
      skipNumber(scan, end, tag & 7);
      if (field) countEntries(counts, field, 1, path);
      continue;
    }
    const length = readVarint(scan, end);
    const to = scan.at + length;
    if (to > end) throw malformed(scan.desc);
    const entries = field ? packedEntries(scan, to, field) : 1;
    countValues(scan, entries - 1);
    if (field) countEntries(counts, field, entries, path);
    if (field?.fieldKind === "map") scanMessage(scan, to, undefined, path, depth + 1);
    else if (field?.message) scanMessage(scan, to, field.message, `${path}${elementName(field, counts)}.`, depth + 1);
    scan.at = to;
  }
}

/** Returns the name of a field, with its index in a list. */
function elementName(field: DescField, counts: ReadonlyMap<DescField, number>): string {
  return field.fieldKind === "list" ? `${field.name}[${(counts.get(field) ?? 1) - 1}]` : field.name;
}

const lengthDelimited = 2;
const bytesOfNumbers: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

/** Groups are obsolete and not supported. */
function skipNumber(scan: Scan, end: number, wireType: number): void {
  const length = bytesOfNumbers[wireType];
  if (wireType === 0) readVarint(scan, end);
  else if (length === undefined) throw malformed(scan.desc);
  else scan.at += length;
  if (scan.at > end) throw malformed(scan.desc);
}

/** Counts the numbers of a packed list. All lists of numbers in the schema are varints. */
function packedEntries({ bytes, at }: Scan, to: number, field: DescField): number {
  const isPacked = field.fieldKind === "list" && (field.listKind === "enum" || field.packed);
  if (!isPacked) return 1;
  let count = 0;
  for (let i = at; i < to; i++) if ((bytes[i] as number) < 0x80) count++;
  return count;
}

function countEntries(counts: Map<DescField, number>, field: DescField, entries: number, path: string): void {
  const entriesMax = entriesMaxOf(field);
  if (entriesMax === undefined) return;
  const count = (counts.get(field) ?? 0) + entries;
  if (count > entriesMax) {
    throw invalidField(path + field.name, tooManyEntries(field));
  }
  counts.set(field, count);
}

function countValues(scan: Scan, count: number): void {
  scan.values += count;
  if (scan.values > valuesMax) {
    throw new CofferError("REQUEST_MALFORMED", `the message has more than ${valuesMax} values`);
  }
}

/** Reads a varint of up to 64 bits and returns the low 32: a tag or a length has no more. */
function readVarint(scan: Scan, end: number): number {
  let value = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    if (scan.at >= end) throw malformed(scan.desc);
    const byte = scan.bytes[scan.at++] as number;
    if (shift < 32) value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value >>> 0;
  }
  throw malformed(scan.desc);
}

const known = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>();

function fieldsByNumber(desc: DescMessage): ReadonlyMap<number, DescField> {
  let fields = known.get(desc);
  if (fields === undefined) {
    fields = new Map(desc.fields.map((field) => [field.number, field]));
    known.set(desc, fields);
  }
  return fields;
}

function malformed({ typeName }: DescMessage): CofferError {
  return new CofferError("REQUEST_MALFORMED", `the message is not a valid ${typeName}`);
}
