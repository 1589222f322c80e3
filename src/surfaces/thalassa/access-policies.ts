// Access policies as Thalassa Cloud's users give and see them.
import { fromJson } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import type { AccessPolicy } from "../../domain/access-policy.ts";
import { parseAccessPolicy } from "../../domain/access-policy-json.ts";
import { invalidField } from "../../domain/errors.ts";
import { grantsOfStatements, type StatementGrant } from "../../domain/statement-rules.ts";

interface GivenPolicy {
  /** Undefined: none. */
  accessPolicy: AccessPolicy | undefined;
  /** What its statements grant; none for every other form. */
  statementGrants: readonly StatementGrant[];
}

const field = "access_policy";

/** Neither a policy nor statements for null and where it is left out; fails with FIELD_INVALID for what is none. */
export function toAccessPolicy(value: Value | undefined): GivenPolicy {
  if (value === undefined || value.kind.case === "nullValue") return { accessPolicy: undefined, statementGrants: [] };
  const given = parseAccessPolicy(plain(value), field);
  if ("policy" in given) return { accessPolicy: given.policy, statementGrants: [] };
  return { accessPolicy: undefined, statementGrants: grantsOfStatements(given.statements, field) };
}

/** The same where nothing may be cleared by mistake: it must be there, if only as null. */
export function toNextAccessPolicy(value: Value | undefined): GivenPolicy {
  if (value === undefined) throw invalidField(field, "is required; null clears it");
  return toAccessPolicy(value);
}

/** As `toJson` does it, but for numbers that JSON cannot say, such as `1e400`: they are left to be judged where they stand. */
function plain({ kind }: Value): unknown {
  switch (kind.case) {
    case "structValue":
      return Object.fromEntries(Object.entries(kind.value.fields).map(([name, member]) => [name, plain(member)]));
    case "listValue":
      return kind.value.values.map(plain);
    case "nullValue":
      return null;
    default:
      return kind.value;
  }
}

export function toPolicyMessage({ conditions }: AccessPolicy): Value {
  const shown = conditions.map((condition) =>
    condition.type === "ip" ? { ...condition, cidrs: [...condition.cidrs] } : { ...condition },
  );
  return fromJson(ValueSchema, { conditions: shown });
}
