// Whether a value fits the egress rule of its secret: one that goes into a header as it is must be what a header can hold.
import type { EgressRule } from "../../domain/egress/egress-rule.ts";
import { fitsHeader } from "../../domain/egress/inject.ts";
import { assertNever, invalidField } from "../../domain/errors.ts";
import type { ValueInput } from "./value-input.ts";

const description = "must be visible ASCII with spaces only inside, since the egress rule writes it into a header";
const needsValue = "needs a part `value`, which the egress rule is for";

/** Fails with FIELD_INVALID, which names the field of the value. */
export function checkFitsRule(rule: EgressRule | undefined, input: ValueInput): void {
  if (!rule) return;
  // Basic credentials are encoded.
  const isWrittenAsItIs = rule.schemes.some(({ scheme }) => scheme.type !== "basic");
  switch (input.case) {
    case "data":
      if (isWrittenAsItIs && !isFit(input.data)) throw invalidField(input.field, description);
      return;
    case "keyValues": {
      const { value } = input.values;
      if (!value) throw invalidField(input.field, needsValue);
      if (isWrittenAsItIs && !isFit(value)) throw invalidField(input.fieldOf("value"), description);
      return;
    }
    case "generate":
      if (isWrittenAsItIs) throw invalidField(`${input.field}.byte_length`, "random bytes fit no header");
      return;
    case "reference":
      // What it stands for is known when it is used.
      if (!Object.hasOwn(input.mappings, "value")) throw invalidField(input.field, needsValue);
      return;
    case "password":
      return;
    default:
      assertNever(input);
  }
}

function isFit(value: Uint8Array): boolean {
  return fitsHeader(Buffer.from(value).toString("latin1"));
}
