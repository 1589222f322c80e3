// What a request gives as a value, turned into the payload to seal.
import { checkPartNames, checkParts, checkWholeValue, type ValueKind } from "../../domain/credential/check-value.ts";
import { assertNever } from "../../domain/errors.ts";
import { checkPasswordRecipe, makePassword, type PasswordRecipe } from "../../domain/password.ts";
import { checkDataSize, checkKeyValuesSize, type Payload } from "../../domain/payload.ts";
import type { RandomBytes } from "../../domain/random.ts";
import { Sensitive } from "../../domain/sensitive.ts";
import { dataPayload, keyValuesPayload, referencePayload } from "../../envelope/payload.ts";

/** Exactly one kind of value; `field` is what the request calls it. */
export type ValueInput = {
  field: string;
} /** `isAnyText`: the proxy judges when it sends the value whether a header can carry it. */ & (
  | { case: "data"; data: Uint8Array; isAnyText?: boolean }
  | {
      case: "keyValues";
      values: Record<string, Uint8Array>;
      /** What the request calls one of the parts. */
      fieldOf: (name: string) => string;
    }
  | {
      case: "reference";
      vaultConnectionId: string;
      /** What each part of the value is called in the vault. */
      mappings: Record<string, string>;
      /** What the request calls one of the parts. */
      fieldOf: (name: string) => string;
    }
  | { case: "generate"; byteLength: number }
  | { case: "password"; recipe: PasswordRecipe }
);

/** The payload, checked against the rules of its kind. */
export function payloadOf(input: ValueInput, kind: ValueKind, random: RandomBytes): Payload {
  switch (input.case) {
    case "data":
      checkDataSize(input.data, input.field);
      checkWholeValue(kind, charactersIn(input.data), input.field);
      return dataPayload(input.data);
    case "keyValues":
      checkParts(kind, input.values, input.field, input.fieldOf);
      checkKeyValuesSize(input.values, input.field);
      return keyValuesPayload(input.values);
    case "reference":
      checkPartNames(kind, Object.keys(input.mappings), input.field, input.fieldOf);
      return referencePayload(input.mappings);
    case "generate":
      checkWholeValue(kind, input.byteLength, `${input.field}.byte_length`);
      return { form: "data", bytes: new Sensitive(random(input.byteLength)) };
    case "password":
      checkPasswordRecipe(input.recipe, input.field);
      checkWholeValue(kind, input.recipe.length, `${input.field}.length`);
      return { form: "data", bytes: new Sensitive(makePassword(input.recipe, random)) };
    default:
      return assertNever(input);
  }
}

/** By which connection the value is resolved; undefined: it is given itself. */
export function vaultConnectionIdOf(input: ValueInput): string | undefined {
  return input.case === "reference" ? input.vaultConnectionId : undefined;
}

/** The plaintext is needed no longer. */
export function discard(payload: Payload): void {
  payload.bytes.zero();
}

// Bytes that do not continue a character begin one; of bytes that are no UTF-8 this is still a lower bound worth having.
function charactersIn(data: Uint8Array): number {
  return data.reduce((count, byte) => ((byte & 0xc0) === 0x80 ? count : count + 1), 0);
}
