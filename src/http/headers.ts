// Builds a request's Headers from its raw header lines. Node joins or drops repeated ones silently, which must not decide who calls.

import type { IncomingHttpHeaders } from "node:http";
import { createHeaderMap } from "../call/header-map.ts";
import type { NodeRequest } from "../call/http-call.ts";
import { viewNodeHeaders } from "../call/node-headers.ts";
import type { WireApi } from "../call/surface.ts";
import { CofferError } from "../domain/error/errors.ts";

/** The headers that a request may have only once, and those of which it may have only one. */
export interface HeaderRules {
  single: ReadonlySet<string>;
  credentials: ReadonlySet<string>;
}

const singleHeaders = ["idempotency-key", "if-match", "host"];

/** Returns the rules of all surfaces together: a request is checked before its surface is known. */
export function headerRulesOf(surfaces: readonly WireApi[]): HeaderRules {
  const credentials = surfaces.flatMap(({ credentialHeaders }) => credentialHeaders);
  const ofSurfaces = surfaces.flatMap((surface) => surface.singleHeaders);
  return { single: new Set([...singleHeaders, ...credentials, ...ofSurfaces]), credentials: new Set(credentials) };
}

/** The limit of Node's HTTP/1.1 parser. HTTP/2 has it only after the client has acknowledged the settings, so it is checked here. */
export const headerBlockBytesMax = 16 * 1024;

/** Returns the headers without HTTP/2's pseudo-headers. Throws REQUEST_MALFORMED for headers that break the rules, and REQUEST_TOO_LARGE. */
export function readHeaders({ rawHeaders, headers }: NodeRequest, rules: HeaderRules): Headers {
  let sizeBytes = 0;
  for (let i = 0; i < rawHeaders.length; i++) sizeBytes += (rawHeaders[i] as string).length;
  if (sizeBytes > headerBlockBytesMax) {
    throw new CofferError("REQUEST_TOO_LARGE", `the headers are larger than ${headerBlockBytesMax} bytes`);
  }
  // Node joins or drops repeated headers. Without any, its object says exactly what was sent.
  let names = 0;
  for (const _ in headers) names++;
  const isRepeated = names !== rawHeaders.length / 2;
  const hasTwoHosts = headers.host !== undefined && headers[":authority"] !== undefined;
  if (isRepeated || hasTwoHosts || hasTwoCredentials(headers, rules)) return readLines(rawHeaders, rules);
  return viewNodeHeaders(headers);
}

function hasTwoCredentials(headers: IncomingHttpHeaders, { credentials }: HeaderRules): boolean {
  let count = 0;
  for (const name of credentials) if (headers[name] !== undefined) count++;
  return count > 1;
}

/** Reads line by line, and finds each broken rule. */
function readLines(rawHeaders: readonly string[], rules: HeaderRules): Headers {
  const headers = createHeaderMap();
  const seen = new Set<string>();
  let authority: string | undefined;
  let credential: string | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    const value = rawHeaders[i + 1] as string;
    if (name === ":authority") authority = value;
    if (name.startsWith(":")) continue;
    if (rules.single.has(name)) {
      if (seen.has(name)) throw malformedHeader(name, "must be given once");
      seen.add(name);
      if (rules.credentials.has(name)) {
        if (credential !== undefined) throw malformedHeader(name, `cannot be given together with ${credential}`);
        credential = name;
      }
    }
    headers.append(name, value);
  }
  if (authority !== undefined && seen.has("host") && headers.get("host") !== authority) {
    throw malformedHeader("host", "must agree with :authority");
  }
  return headers;
}

function malformedHeader(name: string, rule: string): CofferError {
  return new CofferError("REQUEST_MALFORMED", `the header ${name} ${rule}`, { header: name });
}
