// What Superserve's requests about secrets give, turned into what operations take.
import type { Auth, CreateSecretRequest, HostAuth } from "../../../gen/coffer/rest/superserve/v1/secret_service_pb.ts";
import { type EgressRule, noLimits } from "../../domain/egress/egress-rule.ts";
import { readEgressRule, type SchemeInput } from "../../domain/egress/read-rule.ts";
import { checkAll, invalidField } from "../../domain/error/errors.ts";
import type { ValueInput } from "../../steps/secrets/value-input.ts";

/** As JSON Schema counts them: code points. */
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

/** As Superserve reads it: an empty text is one that was not given. */
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
  // Two units at most make one character.
  if (value.length > 2 * valueCharactersMax || [...value].length > valueCharactersMax) {
    throw invalidField("value", `must have at most ${valueCharactersMax} characters`);
  }
  return { case: "data", field: "value", data: new TextEncoder().encode(value), isAnyText: true };
}

/** From the first up to and without the second. */
export const statusRanges: Readonly<Record<string, readonly [number, number]>> = {
  "2xx": [200, 300],
  "3xx": [300, 400],
  "4xx": [400, 500],
  "5xx": [500, 600],
  errors: [400, 1_000],
};

/** Events are numbered below this; a client may ask for those before the greatest int64. */
export function toEventNumber(before: string): number {
  return Math.min(Number(before), Number.MAX_SAFE_INTEGER);
}
