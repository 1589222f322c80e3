// Egress rules, domain ⇄ coffer.v1.
import { create, equals } from "@bufbuild/protobuf";
import {
  type EgressAuth,
  EgressAuthSchema,
  type EgressHostAuth,
  EgressHostAuthSchema,
  EgressRuleSchema,
  type EgressRule as RuleMessage,
} from "../../../gen/coffer/v1/egress_rule_pb.ts";
import { type AuthScheme, type EgressRule, noLimits } from "../../domain/egress/egress-rule.ts";
import { providerNamed, ruleOfProvider } from "../../domain/egress/providers.ts";
import { readEgressLimits } from "../../domain/egress/read-limits.ts";
import { type AuthInput, readEgressRule, type SchemeInput } from "../../domain/egress/read-rule.ts";
import { checkAll, withinField } from "../../domain/error/errors.ts";

/** Fails with FIELD_INVALID, which names every broken field below `field`. */
export function toEgressRule(message: RuleMessage | undefined, field: string): EgressRule | undefined {
  if (!message) return undefined;
  const { methods, pathPrefixes, requestsPerMinute, bytesPerHour } = message;
  const given = isPresetAsShown(message) ? { provider: message.provider, hosts: [] } : fieldsOf(message);
  const limits = () =>
    readEgressLimits({
      methods,
      pathPrefixes,
      ...(requestsPerMinute === undefined ? {} : { requestsPerMinute }),
      ...(bytesPerHour === undefined ? {} : { bytesPerHour: Number(bytesPerHour) }),
    });
  const rule = () => readEgressRule({ ...given, limits: noLimits });
  return withinField(field, () => {
    checkAll(rule, limits);
    return { ...rule(), limits: limits() };
  });
}

/** Returns whether the rule is a preset as coffer shows it. Clients may send that back. */
function isPresetAsShown({ provider, auth, hosts }: RuleMessage): boolean {
  const preset = provider === undefined ? undefined : providerNamed(provider);
  if (!preset || !auth) return false;
  const shown = toEgressRuleMessage(ruleOfProvider(preset));
  return equals(EgressRuleSchema, shown, create(EgressRuleSchema, { ...shown, auth, hosts }));
}

function fieldsOf({ provider, auth, hosts }: RuleMessage) {
  return { provider, auth: auth && toAuthInput(auth), hosts };
}

function toAuthInput(auth: EgressAuth): AuthInput {
  const perHost = auth.perHost.map((each) => ({ ...toSchemeInput(each), hosts: each.hosts }));
  return { ...toSchemeInput(auth), ...(perHost.length > 0 ? { perHost } : {}) };
}

function toSchemeInput({ type, header, prefix, username, headers }: EgressAuth | EgressHostAuth): SchemeInput {
  return { type, header, prefix, username, ...(Object.keys(headers).length > 0 ? { headers } : {}) };
}

export function toEgressRuleMessage({ provider, schemes, hosts, isPerHost, limits }: EgressRule): RuleMessage {
  const [only] = schemes;
  const { requestsPerMinute, bytesPerHour } = limits;
  const perHost = schemes.map((each) =>
    create(EgressHostAuthSchema, { ...toSchemeFields(each.scheme), hosts: [...each.hosts] }),
  );
  return create(EgressRuleSchema, {
    ...(provider === undefined ? {} : { provider }),
    auth: create(EgressAuthSchema, isPerHost || !only ? { perHost } : toSchemeFields(only.scheme)),
    hosts: [...hosts],
    methods: [...limits.methods],
    pathPrefixes: [...limits.pathPrefixes],
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute }),
    ...(bytesPerHour === undefined ? {} : { bytesPerHour: BigInt(bytesPerHour) }),
  });
}

function toSchemeFields(scheme: AuthScheme) {
  return "headers" in scheme ? { ...scheme, headers: { ...scheme.headers } } : scheme;
}
