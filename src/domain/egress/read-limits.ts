// Reads the limits of an egress rule as callers give them. Names every broken rule.
import { checkAll, invalidField } from "../errors.ts";
import type { EgressLimits } from "./egress-rule.ts";

const prefixLengthMax = 1_024;
// RFC 3986, 3.3, without what different readers would read differently.
const prefixRule = /^(?:\/[A-Za-z0-9\-._~!$&'()*+,;=:@]+)+\/?$/;
// Neither is ever let through.
const forbiddenMethods = new Set(["CONNECT", "TRACE"]);

/** Fails with FIELD_INVALID for `methods[…]` and `path_prefixes[…]`. */
export function readEgressLimits({ methods, pathPrefixes }: EgressLimits): EgressLimits {
  checkAll(
    ...methods.map((method, i) => () => checkMethod(method.toUpperCase(), `methods[${i}]`)),
    ...pathPrefixes.map((prefix, i) => () => checkPrefix(prefix, `path_prefixes[${i}]`)),
  );
  return {
    methods: [...new Set(methods.map((method) => method.toUpperCase()))],
    pathPrefixes: [...new Set(pathPrefixes.map((prefix) => prefix.replace(/\/$/, "")))],
  };
}

function checkMethod(method: string, field: string): void {
  if (!/^[A-Z]{1,32}$/.test(method)) throw invalidField(field, "must be an HTTP method, such as GET");
  if (forbiddenMethods.has(method)) throw invalidField(field, `must not be ${method}`);
}

function checkPrefix(prefix: string, field: string): void {
  const hasDots = prefix.split("/").some((segment) => segment === "." || segment === "..");
  if (prefix.length > prefixLengthMax || !prefixRule.test(prefix) || hasDots) {
    throw invalidField(field, "must be a path such as /v1/charges: no query, percent sign, empty, `.` or `..` segment");
  }
}
