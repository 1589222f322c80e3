// Checks that the headers of an egress rule can hold a value.
import { isUtf8 } from "node:buffer";
import type { EgressRule } from "../../domain/egress/egress-rule.ts";
import { sentValue, slotsOf } from "../../domain/egress/inject.ts";
import { assertNever, invalidField } from "../../domain/error/errors.ts";
import type { ValueInput } from "./value-input.ts";

/** Fails with FIELD_INVALID, which names the field of the value. */
export function checkFitsRule(rule: EgressRule | undefined, input: ValueInput): void {
  if (!rule) return;
  switch (input.case) {
    case "data":
      if (!input.isAnyText) checkFits(rule, input.data, input.field);
      return;
    case "keyValues": {
      const { value } = input.values;
      if (!value) throw needsValue(input.field);
      checkFits(rule, value, input.fieldOf("value"));
      return;
    }
    case "generate":
      throw invalidField(
        `${input.field}.byte_length`,
        "must not be given with an egress rule, which requires text; use `generate.password`",
      );
    case "reference":
      // The value of a reference is known only when it is used.
      if (!Object.hasOwn(input.mappings, "value")) throw needsValue(input.field);
      return;
    case "password":
      return;
    default:
      assertNever(input);
  }
}

function needsValue(field: string) {
  return invalidField(field, "needs a part `value`, which the egress rule is for");
}

function checkFits({ schemes }: EgressRule, value: Uint8Array, field: string): void {
  const text = isUtf8(value) ? sentValue(Buffer.from(value).toString("utf8")) : undefined;
  const misfit = schemes.find(({ scheme }) => text === undefined || !slotsOf(scheme).every(({ fits }) => fits(text)));
  if (!misfit) return;
  if (misfit.scheme.type === "basic") {
    throw invalidField(field, "must be text without control characters, since the egress rule makes it a password");
  }
  throw invalidField(
    field,
    "must be visible ASCII with spaces only inside, since the egress rule writes it into a header",
  );
}
