// Reads the idempotency key of a call that changes something, and makes the fingerprint of its request.
import { createHmac } from "node:crypto";
import { type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../domain/error/errors.ts";
import type { Sensitive } from "../domain/sensitive.ts";
import type { UnaryCall } from "./unary-call.ts";

const header = "idempotency-key";

/** Gives the caller the idempotency key of a call that changes something. Fails with FIELD_INVALID. */
export function readIdempotencyKey(fingerprintKey: Sensitive, call: UnaryCall): void {
  const { caller, method, message } = call;
  if (!caller || method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return;
  const given = call.requestHeader.get(header);
  if (given === null) return;
  const key = parseKey(given);
  const fingerprint = fingerprintOf(fingerprintKey, caller.method, method.input, message);
  call.caller = { ...caller, idempotency: { key, fingerprint } };
}

/** Accepts 1 to 64 printable ASCII characters, bare or as a quoted string. */
function parseKey(given: string): string {
  const key = /^"(.*)"$/.exec(given)?.[1] ?? given;
  if (/^[ -~]{1,64}$/.test(key)) return key;
  throw invalidField(header, "must be 1 to 64 printable ASCII characters");
}

/** Returns the same fingerprint for the same request in every protocol. */
function fingerprintOf(fingerprintKey: Sensitive, method: string, desc: DescMessage, message: Message): Uint8Array {
  const bytes = toBinary(desc, sortMaps(desc, message), { writeUnknownFields: false });
  const fingerprint = createHmac("sha256", fingerprintKey.reveal()).update(`${method}\0`).update(bytes).digest();
  bytes.fill(0);
  return fingerprint;
}

/** Returns the message with the entries of its maps in a fixed order, which the wire format does not define. */
function sortMaps(desc: DescMessage, message: Message): Message {
  // Generated code represents a Struct as a JSON object.
  if (desc.typeName === "google.protobuf.Struct") return sortJson(message) as unknown as Message;
  const copy: Record<string, unknown> = { ...message };
  for (const field of desc.fields) {
    const name = field.oneof?.localName ?? field.localName;
    const value = copy[name];
    if (field.fieldKind === "map") {
      const entries = Object.entries(value as Record<string, unknown>).sort(([a], [b]) => (a < b ? -1 : 1));
      copy[name] = Object.fromEntries(
        entries.map(([key, item]) => [key, field.message ? sortMaps(field.message, item as Message) : item]),
      );
    } else if (field.fieldKind === "message" && field.oneof) {
      const chosen = value as { case?: string; value?: Message };
      if (chosen.case === field.localName) {
        copy[name] = { case: chosen.case, value: sortMaps(field.message, chosen.value as Message) };
      }
    } else if (field.fieldKind === "message" && value !== undefined) {
      copy[name] = sortMaps(field.message, value as Message);
    } else if (field.fieldKind === "list" && field.listKind === "message") {
      const { message: itemDesc } = field;
      copy[name] = (value as Message[]).map((item) => sortMaps(itemDesc, item));
    }
  }
  return copy as unknown as Message;
}

function sortJson(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(sortJson);
  if (typeof json !== "object" || json === null) return json;
  const entries = Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, value]) => [key, sortJson(value)]));
}
