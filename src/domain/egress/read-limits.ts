// Reads the limits of an egress rule as callers give them. Names every broken rule.
import { checkAll, invalidField } from "../error/errors.ts";
import type { EgressLimits } from "./egress-rule.ts";

const prefixLengthMax = 1_024;
/** A petabyte, which a number can still count exactly. */
const bytesMax = 1_000_000_000_000_000;
const requestsMax = 10_000_000;
// RFC 3986, 3.3, without what different readers would read differently.
const prefixRule = /^(?:\/[A-Za-z0-9\-._~!$&'()*+,;=:@]+)+\/?$/;
// The proxy refuses these methods always.
const forbiddenMethods = new Set(["CONNECT", "TRACE", "TRACK"]);

/** Fails with FIELD_INVALID for `methods[…]`, `path_prefixes[…]`, `requests_per_minute` and `bytes_per_hour`. */
export function readEgressLimits(limits: EgressLimits): EgressLimits {
  const { methods, pathPrefixes, requestsPerMinute, bytesPerHour } = limits;
  checkAll(
    ...methods.map((method, i) => () => checkMethod(method, `methods[${i}]`)),
    ...pathPrefixes.map((prefix, i) => () => checkPrefix(prefix, `path_prefixes[${i}]`)),
    () => checkCount(requestsPerMinute, requestsMax, "requests_per_minute"),
    () => checkCount(bytesPerHour, bytesMax, "bytes_per_hour"),
  );
  return {
    methods: [...new Set(methods.map((method) => method.toUpperCase()))],
    pathPrefixes: [...new Set(pathPrefixes.map((prefix) => prefix.replace(/\/$/, "")))],
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute }),
    ...(bytesPerHour === undefined ? {} : { bytesPerHour }),
  };
}

function checkMethod(method: string, field: string): void {
  if (!/^[A-Za-z][A-Za-z-]{0,31}$/.test(method)) throw invalidField(field, "must be an HTTP method, such as GET");
  const name = method.toUpperCase();
  if (forbiddenMethods.has(name)) throw invalidField(field, `must not be ${name}`);
}

function checkPrefix(prefix: string, field: string): void {
  const hasDots = prefix.split("/").some((segment) => /^\.{1,2}(?:;|$)/.test(segment));
  if (prefix.length > prefixLengthMax || !prefixRule.test(prefix) || hasDots) {
    throw invalidField(field, "must be a path such as /v1/charges: no query, percent sign, empty, `.` or `..` segment");
  }
}

function checkCount(count: number | undefined, max: number, field: string): void {
  if (count !== undefined && (count < 1 || count > max)) throw invalidField(field, `must be from 1 to ${max}`);
}
