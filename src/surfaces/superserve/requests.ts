// What Superserve's requests give, turned into what operations take.
import type { Auth, CreateSecretRequest, HostAuth } from "../../../gen/coffer/rest/superserve/v1/secret_service_pb.ts";
import { type EgressRule, noLimits } from "../../domain/egress/egress-rule.ts";
import { readEgressRule, type SchemeInput } from "../../domain/egress/read-rule.ts";
import { sandboxNotFound } from "../../domain/egress/sandbox.ts";
import { checkAll, invalidField } from "../../domain/errors.ts";
import { idOfUuid } from "../../domain/ids.ts";
import type { ValueInput } from "../../operations/secrets/value-input.ts";

/** Fails with FIELD_INVALID, which names every broken field. */
export function toNameAndRule(request: CreateSecretRequest): { name: string; rule: EgressRule } {
  const name = request.name.trim();
  const rule = () => readEgressRule(toRuleInput(request));
  checkAll(() => checkName(name), rule);
  return { name, rule: rule() };
}

function checkName(name: string): void {
  if (name.length > 128) throw invalidField("name", "must have at most 128 characters");
  if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name)) {
    throw invalidField("name", "must begin with a letter or _ and hold only letters, digits, _ and -");
  }
}

function toRuleInput({ provider, auth, hosts }: CreateSecretRequest) {
  return { provider, auth: auth && toAuthInput(auth), hosts, limits: noLimits };
}

function toAuthInput(auth: Auth) {
  const perHost = auth.perHost.map((each) => ({ ...toSchemeInput(each), hosts: each.hosts }));
  return { ...toSchemeInput(auth), ...(perHost.length > 0 ? { perHost } : {}) };
}

function toSchemeInput({ type, header, prefix, username, headers }: Auth | HostAuth): SchemeInput {
  return { type, header, prefix, username, ...(Object.keys(headers).length > 0 ? { headers } : {}) };
}

export function toValueInput(value: string): ValueInput {
  return { case: "data", field: "value", data: new TextEncoder().encode(value) };
}

/** Fails with SANDBOX_NOT_FOUND for what is no UUID. */
export function toSandboxId(uuid: string): string {
  const id = idOfUuid("sbx", uuid);
  if (id === undefined) throw sandboxNotFound();
  return id;
}

/** From the first up to and without the second. */
export const statusRanges: Readonly<Record<string, readonly [number, number]>> = {
  "2xx": [200, 300],
  "3xx": [300, 400],
  "4xx": [400, 500],
  "5xx": [500, 600],
  errors: [400, 1_000],
};
