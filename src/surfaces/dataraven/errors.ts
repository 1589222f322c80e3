// Errors as DataRaven's documents show them: a list of broken rules, or a sentence.
import type { JsonValue } from "@bufbuild/protobuf";
import type { Reason } from "../../domain/error/error-reasons.ts";
import type { CofferError, FieldViolation } from "../../domain/error/errors.ts";

const httpStatuses: Partial<Record<Reason, number>> = {
  QUOTA_EXCEEDED: 403,
  IDEMPOTENCY_KEY_REUSED: 409,
  SECRET_SOFT_DELETED: 404,
  VAULT_CONNECTION_IN_USE: 409,
};

const inPath = new Set(["team_id", "secret_id", "connection_id"]);
const inQuery = new Set(["limit", "offset"]);

export function showDataRavenError(error: CofferError, httpStatus: number): { httpStatus: number; body: JsonValue } {
  if (error.reason === "RATE_LIMITED") {
    return { httpStatus, body: { error: "Rate limit exceeded", message: error.message } };
  }
  const status = httpStatuses[error.reason] ?? httpStatus;
  return { httpStatus: status, body: { detail: status === 400 ? brokenRules(error) : error.message } };
}

function brokenRules({ violations, message, reason }: CofferError): JsonValue {
  if (violations.length === 0) return [{ loc: ["body"], msg: message, type: reason.toLowerCase() }];
  return violations.map((violation) => ({
    loc: locationOf(violation),
    msg: violation.description,
    type: /\brequired\b/.test(violation.description) ? "missing" : "value_error",
  }));
}

/** `field_mappings[1].reference` → body, field_mappings, 1, reference. */
function locationOf({ field }: FieldViolation): (string | number)[] {
  // coffer.v1 has these fields in groups, DataRaven does not.
  const own = field.replace(/^(?:config|credentials)\./, "");
  const [first = "", ...rest] = [...own.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)].map(
    ([, key, index, name]) => key ?? (index === undefined ? (name ?? "") : Number(index)),
  );
  const part = inPath.has(String(first)) ? "path" : inQuery.has(String(first)) ? "query" : "body";
  return [part, first, ...rest];
}
