// Reads an egress rule as callers give it: a preset, one scheme for all hosts, or a scheme host by host. Names every broken rule.
import { checkAll, invalidField } from "../error/errors.ts";
import type { AuthScheme, EgressLimits, EgressRule, HostScheme } from "./egress-rule.ts";
import { coversHosts, type HostPattern, overlaps, readHostPattern } from "./host-pattern.ts";
import { providerNamed, providers, ruleOfProvider } from "./providers.ts";

/** Fields that the caller left out are undefined. */
export interface SchemeInput {
  type?: string | undefined;
  header?: string | undefined;
  prefix?: string | undefined;
  username?: string | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
}

export interface AuthInput extends SchemeInput {
  perHost?: readonly (SchemeInput & { hosts: readonly string[] })[] | undefined;
}

export interface RuleInput {
  provider?: string | undefined;
  auth?: AuthInput | undefined;
  hosts: readonly string[];
  limits: EgressLimits;
}

const hostsMax = 16;
const rulesMax = 16;
const headersMax = 8;
const textMax = 1_024;
// RFC 9110, 5.6.2.
const tokenRule = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;
const valueSlot = /\{\{ ?value ?\}\}/g;
const schemeFields = ["type", "header", "prefix", "username", "headers"] as const;

/**
 * Headers that cannot carry a credential: they say where a request goes, where it comes from or how it is read, or the proxy
 * refuses, removes or sets them itself.
 */
const forbiddenHeaders = new Set([
  ...["host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"],
  ...["forwarded", "via", "x-real-ip", "http2-settings", "accept-encoding", "content-encoding", "content-type"],
  ...["x-http-method-override", "x-http-method", "x-method-override"],
  ...["sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"],
]);
const forbiddenPrefixes = ["proxy-", "x-forwarded-"];

/** Fails with FIELD_INVALID for every rule that is broken. */
export function readEgressRule({ provider, auth, hosts, limits }: RuleInput): EgressRule {
  if (provider !== undefined) {
    checkAll(
      () => auth === undefined || fail("auth", "must not be given together with a provider"),
      () => hosts.length === 0 || fail("hosts", "must not be given together with a provider"),
      () => providerNamed(provider) ?? fail("provider", `must be one of ${names()}`),
    );
    const preset = providerNamed(provider);
    if (!preset) throw invalidField("provider", `must be one of ${names()}`);
    return { ...ruleOfProvider(preset), limits };
  }
  if (auth === undefined) {
    if (hosts.length > 0) fail("auth", "is required with hosts");
    fail("provider", `a provider, or auth and hosts, are required; the providers are ${names()}`);
  }
  const patterns = readHosts(hosts, "hosts", hostsMax);
  if (auth.perHost !== undefined) return { ...readPerHost(auth, patterns), limits };
  return {
    hosts: patterns,
    schemes: [{ hosts: patterns, scheme: readScheme(auth, "auth", ", unless per_host has rules") }],
    isPerHost: false,
    limits,
  };
}

function readPerHost(auth: AuthInput, hosts: readonly HostPattern[]): Omit<EgressRule, "limits"> {
  const rules = auth.perHost ?? [];
  const field = "auth.per_host";
  checkAll(
    ...schemeFields.map(
      (name) => () => auth[name] === undefined || fail(`auth.${name}`, "must not be given with per_host"),
    ),
    () => (rules.length >= 1 && rules.length <= rulesMax) || fail(field, `must have 1 to ${rulesMax} rules`),
    ...rules.flatMap((rule, i) => [
      () => readHosts(rule.hosts, `${field}[${i}].hosts`, hostsMax),
      () => readScheme(rule, `${field}[${i}]`),
    ]),
  );
  const schemes: HostScheme[] = rules.map((rule, i) => ({
    hosts: readHosts(rule.hosts, `${field}[${i}].hosts`, hostsMax),
    scheme: readScheme(rule, `${field}[${i}]`),
  }));
  checkAll(
    ...schemes.map((each, i) => () => checkCovered(each.hosts, hosts, `${field}[${i}].hosts`)),
    ...schemes.map((each, i) => () => checkDisjoint(each.hosts, schemes.slice(0, i), `${field}[${i}].hosts`)),
  );
  return { hosts, schemes, isPerHost: true };
}

function checkCovered(inner: readonly HostPattern[], outer: readonly HostPattern[], field: string): void {
  for (const [i, host] of inner.entries()) {
    if (!outer.some((pattern) => coversHosts(pattern, host))) fail(`${field}[${i}]`, "must be one of hosts");
  }
}

function checkDisjoint(hosts: readonly HostPattern[], earlier: readonly HostScheme[], field: string): void {
  for (const [i, host] of hosts.entries()) {
    const taken = earlier.some((each) => each.hosts.some((other) => overlaps(other, host)));
    if (taken) fail(`${field}[${i}]`, "must not be in two rules");
  }
}

function readHosts(hosts: readonly string[], field: string, countMax: number): HostPattern[] {
  if (hosts.length === 0) fail(field, "is required");
  if (hosts.length > countMax) fail(field, `must have at most ${countMax} entries`);
  const patterns: HostPattern[] = [];
  checkAll(
    ...hosts.map((text, i) => () => {
      const read = readHostPattern(text);
      if ("rule" in read) fail(`${field}[${i}]`, read.rule);
      if (!patterns.includes(read.pattern)) patterns.push(read.pattern);
    }),
  );
  return patterns;
}

/** What else each type takes. */
const takes: Readonly<Record<AuthScheme["type"], readonly (typeof schemeFields)[number][]>> = {
  bearer: [],
  basic: ["username"],
  "api-key": ["header", "prefix"],
  custom: ["headers"],
};

function readScheme(input: SchemeInput, field: string, others = ""): AuthScheme {
  const { type } = input;
  if (type === undefined || !Object.hasOwn(takes, type)) {
    fail(`${field}.type`, `must be bearer, basic, api-key or custom${others}`);
  }
  const known = type as AuthScheme["type"];
  checkAll(
    ...schemeFields
      .filter((name) => name !== "type" && !takes[known].includes(name))
      .map((name) => () => input[name] === undefined || fail(`${field}.${name}`, `must not be given for ${known}`)),
  );
  switch (known) {
    case "bearer":
      return { type: known };
    case "basic":
      return { type: known, ...usernameOf(input.username, `${field}.username`) };
    case "api-key":
      return {
        type: known,
        header: headerOf(input.header, `${field}.header`),
        ...prefixOf(input.prefix, `${field}.prefix`),
      };
    case "custom":
      return { type: known, headers: templatesOf(input.headers ?? {}, `${field}.headers`) };
  }
}

function usernameOf(username: string | undefined, field: string): { username?: string } {
  if (username === undefined || username === "") return {};
  if (/[:\p{Cc}]/u.test(username) || username.length > 255) {
    fail(field, "must have at most 255 characters, none of them a colon or a control character");
  }
  return { username };
}

function headerOf(header: string | undefined, field: string): string {
  if (header === undefined || !tokenRule.test(header)) fail(field, "must be the name of a header");
  const name = header.toLowerCase();
  const isForbidden = forbiddenHeaders.has(name) || forbiddenPrefixes.some((prefix) => name.startsWith(prefix));
  if (isForbidden) fail(field, `must not be ${name}`);
  return header;
}

function prefixOf(prefix: string | undefined, field: string): { prefix?: string } {
  if (prefix === undefined || prefix === "") return {};
  if (!/^[!-~][ -~]{0,254}$/.test(prefix)) {
    fail(field, "must be at most 255 characters of visible ASCII or spaces, and not begin with a space");
  }
  return { prefix };
}

function templatesOf(headers: Readonly<Record<string, string>>, field: string): Record<string, string> {
  const entries = Object.entries(headers);
  if (entries.length < 1 || entries.length > headersMax) fail(field, `must have 1 to ${headersMax} headers`);
  checkAll(
    ...entries.flatMap(([name, template]) => [
      () => headerOf(name, `${field}["${name}"]`),
      () => checkTemplate(template, `${field}["${name}"]`),
    ]),
    () =>
      new Set(entries.map(([name]) => name.toLowerCase())).size === entries.length ||
      fail(field, "names a header twice"),
  );
  return Object.fromEntries(entries);
}

function checkTemplate(template: string, field: string): void {
  if ([...template.matchAll(valueSlot)].length !== 1) fail(field, "must contain {{ value }} once");
  // Readers remove the spaces around a header's value.
  if (!/^[!-~](?:[ -~]*[!-~])?$/.test(template) || template.length > textMax) {
    fail(field, `must be at most ${textMax} characters of visible ASCII, with spaces only inside`);
  }
}

function names(): string {
  return providers.map(({ name }) => name).join(", ");
}

function fail(field: string, description: string): never {
  throw invalidField(field, description);
}
