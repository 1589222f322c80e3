// Access policies in Thalassa Cloud's requests and answers.
import { fromJson } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import { plainJson } from "../../call/plain-json.ts";
import type { AccessPolicy, AccessStatement } from "../../domain/access/access-policy.ts";
import { parseAccessPolicy } from "../../domain/access/access-policy-json.ts";
import { checkStatements } from "../../domain/access/statement-rules.ts";
import { invalidField } from "../../domain/error/errors.ts";

interface GivenPolicy {
  /** The conditions; undefined: none. */
  accessPolicy: AccessPolicy | undefined;
  statements: readonly AccessStatement[];
}

const field = "access_policy";

/** Returns no conditions and no statements for null, `{}` and an absent field. Fails with FIELD_INVALID. */
export function toAccessPolicy(value: Value | undefined): GivenPolicy {
  if (value === undefined || value.kind.case === "nullValue") return { accessPolicy: undefined, statements: [] };
  const { policy, statements } = parseAccessPolicy(plainJson(value), field);
  checkStatements(statements, field);
  return { accessPolicy: policy, statements };
}

/** Like `toAccessPolicy`, but fails with FIELD_INVALID if the field is absent, so that no policy is cleared by mistake. */
export function toNextAccessPolicy(value: Value | undefined): GivenPolicy {
  if (value === undefined) throw invalidField(field, "is required; null clears it");
  return toAccessPolicy(value);
}

/** Returns conditions in their normal form, and statements as they were given. */
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
