// Access policies as Thalassa Cloud's users give and see them.
import { fromJson } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import { plainJson } from "../../call/plain-json.ts";
import type { AccessPolicy, AccessStatement } from "../../domain/access/access-policy.ts";
import { parseAccessPolicy } from "../../domain/access/access-policy-json.ts";
import { checkStatements } from "../../domain/access/statement-rules.ts";
import { invalidField } from "../../domain/error/errors.ts";

interface GivenPolicy {
  /** Its conditions; undefined: none. */
  accessPolicy: AccessPolicy | undefined;
  statements: readonly AccessStatement[];
}

const field = "access_policy";

/** Neither conditions nor statements for null, for `{}` and where it is left out; fails with FIELD_INVALID for what is none. */
export function toAccessPolicy(value: Value | undefined): GivenPolicy {
  if (value === undefined || value.kind.case === "nullValue") return { accessPolicy: undefined, statements: [] };
  const { policy, statements } = parseAccessPolicy(plainJson(value), field);
  checkStatements(statements, field);
  return { accessPolicy: policy, statements };
}

/** The same where nothing may be cleared by mistake: it must be there, if only as null. */
export function toNextAccessPolicy(value: Value | undefined): GivenPolicy {
  if (value === undefined) throw invalidField(field, "is required; null clears it");
  return toAccessPolicy(value);
}

/** Conditions in their normal form, statements as they were given. */
export function toPolicyMessage({ conditions, statements = [] }: AccessPolicy): Value {
  const shown = conditions.map((condition) =>
    condition.type === "ip" ? { ...condition, cidrs: [...condition.cidrs] } : { ...condition },
  );
  const given = statements.map(({ effect, actions, principals }) => ({
    effect,
    ...(actions ? { actions: [...actions] } : {}),
    ...(principals ? { principals: [...principals] } : {}),
  }));
  return fromJson(ValueSchema, {
    ...(shown.length > 0 ? { conditions: shown } : {}),
    ...(given.length > 0 ? { statements: given } : {}),
  });
}
