// Statements of an access policy: they allow or deny principals actions on the secret.

import { failOn } from "../error/errors.ts";
import { isObject, membersOf } from "../json-members.ts";
import type { AccessEffect, AccessStatement } from "./access-policy.ts";
import type { Violations } from "./access-policy-parts.ts";

const itemsMax = 64;
const textMax = 256;

export function effectOfStatement({ effect }: Pick<AccessStatement, "effect">): AccessEffect {
  return effect.toLowerCase() === "allow" ? "allow" : "deny";
}

/** Reads statements; null is an empty list. Fails with FIELD_INVALID. */
export function statementsOf(statements: unknown, found: Violations, field: string): AccessStatement[] {
  if (statements === null) return [];
  const list = itemsOf(statements, found, `${field}.statements`);
  const parsed = list.map((statement, index) => statementOf(statement, found, `${field}.statements[${index}]`));
  failOn(found);
  return parsed;
}

function statementOf(json: unknown, found: Violations, field: string): AccessStatement {
  if (!isObject(json)) {
    found.push({ field, description: "must be an object" });
    return { effect: "", actions: undefined, principals: undefined };
  }
  const { effect, actions, principals } = membersOf(json, ["effect", "actions", "principals"], found, field);
  const isEffect = typeof effect === "string" && /^(?:allow|deny)$/i.test(effect);
  if (!isEffect) found.push({ field: `${field}.effect`, description: "must be Allow or Deny" });
  return {
    effect: isEffect ? effect : "",
    actions: textsOf(actions, found, `${field}.actions`),
    principals: textsOf(principals, found, `${field}.principals`),
  };
}

/** Clients omit empty lists or write null. */
function textsOf(json: unknown, found: Violations, field: string): string[] | undefined {
  if (json === undefined || json === null) return undefined;
  return itemsOf(json, found, field).map((item, index) => {
    if (typeof item === "string" && item !== "" && item.length <= textMax && item.isWellFormed()) return item;
    found.push({ field: `${field}[${index}]`, description: `must be a text of 1 to ${textMax} characters` });
    return "";
  });
}

function itemsOf(json: unknown, found: Violations, field: string): unknown[] {
  if (Array.isArray(json) && json.length <= itemsMax) return json;
  found.push({ field, description: `must be a list of at most ${itemsMax}` });
  return [];
}
