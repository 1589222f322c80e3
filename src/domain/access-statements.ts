// Statements of a policy that names principals: no conditions on a call, but rules about who may do what.
import { failIfAny, type Violations } from "./access-policy-parts.ts";
import { isObject, membersOf } from "./json-members.ts";

/** Allows the actions to the principals. */
export interface AccessStatement {
  actions: readonly string[];
  principals: readonly string[];
}

const itemsMax = 64;
const textMax = 256;

/** Fails with FIELD_INVALID; a statement that denies is refused, since rules only allow. */
export function statementsOf(json: object, found: Violations, field: string): AccessStatement[] {
  const { statements } = membersOf(json, ["statements"], found, field);
  const list = itemsOf(statements, found, `${field}.statements`);
  const parsed = list.map((statement, index) => statementOf(statement, found, `${field}.statements[${index}]`));
  failIfAny(found);
  return parsed;
}

function statementOf(json: unknown, found: Violations, field: string): AccessStatement {
  if (!isObject(json)) {
    found.push({ field, description: "must be an object" });
    return { actions: [], principals: [] };
  }
  const { effect, actions, principals } = membersOf(json, ["effect", "actions", "principals"], found, field);
  if (effect === "Deny" || effect === "deny") {
    found.push({
      field: `${field}.effect`,
      description: "must be Allow: nothing is allowed unless a statement says so",
    });
  } else if (effect !== "Allow" && effect !== "allow") {
    found.push({ field: `${field}.effect`, description: "must be Allow" });
  }
  return {
    actions: textsOf(actions, found, `${field}.actions`),
    principals: textsOf(principals, found, `${field}.principals`),
  };
}

function textsOf(json: unknown, found: Violations, field: string): string[] {
  return itemsOf(json, found, field).map((item, index) => {
    if (typeof item === "string" && item !== "" && item.length <= textMax) return item;
    found.push({ field: `${field}[${index}]`, description: `must be a text of 1 to ${textMax} characters` });
    return "";
  });
}

function itemsOf(json: unknown, found: Violations, field: string): unknown[] {
  if (Array.isArray(json) && json.length > 0 && json.length <= itemsMax) return json;
  found.push({ field, description: `must be a list of 1 to ${itemsMax}` });
  return [];
}
