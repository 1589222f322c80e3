// Converts Superserve's requests about secrets to the inputs of operations.
import type { Auth, CreateSecretRequest, HostAuth } from "../../../gen/coffer/rest/superserve/v1/secret_service_pb.ts";
import { type EgressRule, noLimits } from "../../domain/egress/egress-rule.ts";
import { readEgressRule, type SchemeInput } from "../../domain/egress/read-rule.ts";
import { checkAll, invalidField } from "../../domain/error/errors.ts";
import type { ValueInput } from "../../steps/secrets/value-input.ts";

/** In code points, as JSON Schema counts. */
const valueCharactersMax = 8_192;

/** Fails with FIELD_INVALID, which names every broken field. */
export function toNewSecret(request: CreateSecretRequest): { name: string; value: ValueInput; rule: EgressRule } {
  const name = request.name.trim();
  const value = () => toValueInput(request.value);
  const rule = () => readEgressRule(toRuleInput(request));
  checkAll(() => checkName(name), value, rule);
  return { name, value: value(), rule: rule() };
}

function checkName(name: string): void {
  if (name.length > 128) throw invalidField("name", "must have at most 128 characters");
  if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name)) {
    throw invalidField("name", "must begin with a letter or _ and hold only letters, digits, _ and -");
  }
}

/** Superserve treats an empty text as absent. */
function toRuleInput({ provider, auth, hosts }: CreateSecretRequest) {
  return { provider: provider || undefined, auth: auth && toAuthInput(auth), hosts, limits: noLimits };
}

function toAuthInput(auth: Auth) {
  const perHost = auth.perHost.map((each) => ({ ...toSchemeInput(each), hosts: each.hosts }));
  return { ...toSchemeInput(auth), ...(perHost.length > 0 ? { perHost } : {}) };
}

function toSchemeInput({ type, header, prefix, username, headers }: Auth | HostAuth): SchemeInput {
  return {
    type: type || undefined,
    header: header || undefined,
    prefix: prefix || undefined,
    username: username || undefined,
    headers: Object.keys(headers).length > 0 ? headers : undefined,
  };
}

/** Fails with FIELD_INVALID for `value`. */
export function toValueInput(value: string): ValueInput {
  if (value === "") throw invalidField("value", "is required");
  // A character has at most two UTF-16 units.
  if (value.length > 2 * valueCharactersMax || [...value].length > valueCharactersMax) {
    throw invalidField("value", `must have at most ${valueCharactersMax} characters`);
  }
  return { case: "data", field: "value", data: new TextEncoder().encode(value), isAnyText: true };
}

/** The first status is included, the second is not. */
export const statusRanges: Readonly<Record<string, readonly [number, number]>> = {
  "2xx": [200, 300],
  "3xx": [300, 400],
  "4xx": [400, 500],
  "5xx": [500, 600],
  errors: [400, 1_000],
};

/** A client may send the greatest int64. Event numbers are smaller than the returned maximum. */
export function toEventNumber(before: string): number {
  return Math.min(Number(before), Number.MAX_SAFE_INTEGER);
}
