// Checks the value of a request and turns it into the payload to seal.
import { checkPartNames, checkParts, checkWholeValue, type ValueKind } from "../../domain/credential/check-value.ts";
import { assertNever, checkAll } from "../../domain/error/errors.ts";
import type { RandomBytes } from "../../domain/random.ts";
import { checkPasswordRecipe, makePassword, type PasswordRecipe } from "../../domain/secret/password.ts";
import { checkDataSize, checkKeyValuesSize, type Payload } from "../../domain/secret/payload.ts";
import { Sensitive } from "../../domain/sensitive.ts";
import { dataPayload, keyValuesPayload, referencePayload } from "../../envelope/payload.ts";

/** Exactly one form of value. `field` is the request's field. */
export type ValueInput = {
  field: string;
} /** `isAnyText`: the proxy judges when it sends the value whether a header can carry it. */ & (
  | { case: "data"; data: Uint8Array; isAnyText?: boolean }
  | {
      case: "keyValues";
      values: Record<string, Uint8Array>;
      /** Returns the request's field of a part. */
      fieldOf: (name: string) => string;
    }
  | {
      case: "reference";
      vaultConnectionId: string;
      /** The name of each part in the external vault. */
      mappings: Record<string, string>;
      /** Returns the request's field of a part. */
      fieldOf: (name: string) => string;
    }
  | { case: "generate"; byteLength: number }
  | { case: "password"; recipe: PasswordRecipe }
);

/** Fails with FIELD_INVALID for a value that breaks the rules for all kinds. */
export function checkAnyValue(input: ValueInput): void {
  if (input.case === "data") checkDataSize(input.data, input.field);
  if (input.case === "keyValues") checkKeyValuesSize(input.values, input.field);
  if (input.case === "password") checkPasswordRecipe(input.recipe, input.field);
}

/** Fails with FIELD_INVALID for a value that breaks the rules for all kinds or those of its kind. */
export function checkValue(input: ValueInput, kind: ValueKind): void {
  checkAll(
    () => checkAnyValue(input),
    () => checkValueOfKind(input, kind),
  );
}

function checkValueOfKind(input: ValueInput, kind: ValueKind): void {
  switch (input.case) {
    case "data":
      checkWholeValue(kind, charactersIn(input.data), input.field);
      return;
    case "keyValues":
      checkParts(kind, input.values, input.field, input.fieldOf);
      return;
    case "reference":
      checkPartNames(kind, Object.keys(input.mappings), input.field, input.fieldOf);
      return;
    case "generate":
      checkWholeValue(kind, input.byteLength, `${input.field}.byte_length`);
      return;
    case "password":
      checkWholeValue(kind, input.recipe.length, `${input.field}.length`);
      return;
    default:
      assertNever(input);
  }
}

/** Returns the payload of a checked value. */
export function payloadOf(input: ValueInput, random: RandomBytes): Payload {
  switch (input.case) {
    case "data":
      return dataPayload(input.data);
    case "keyValues":
      return keyValuesPayload(input.values);
    case "reference":
      return referencePayload(input.mappings);
    case "generate":
      return { form: "data", bytes: new Sensitive(random(input.byteLength)) };
    case "password":
      return { form: "data", bytes: new Sensitive(makePassword(input.recipe, random)) };
    default:
      return assertNever(input);
  }
}

/** Returns the vault connection of a reference; undefined for other values. */
export function vaultConnectionIdOf(input: ValueInput): string | undefined {
  return input.case === "reference" ? input.vaultConnectionId : undefined;
}

/** Overwrites the plaintext. */
export function discard(payload: Payload): void {
  payload.bytes.zero();
}

// Every kind is content with fewer characters, so that a long value need not be counted to its end.
const charactersCounted = 256;

/** Counts the bytes that begin a character, up to `charactersCounted`. For bytes that are not UTF-8 it is a lower bound. */
function charactersIn(data: Uint8Array): number {
  let count = 0;
  for (let index = 0; index < data.byteLength && count < charactersCounted; index++) {
    if (((data[index] as number) & 0xc0) !== 0x80) count++;
  }
  return count;
}
