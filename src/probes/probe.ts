// A probe: one cheap, read-only request that tells whether a service accepts a credential.
import type { OutboundAnswer, OutboundRequest } from "../net-guard/request.ts";

/** The result of a probe. Errors are coffer's own sentences, without any part of a credential or an answer. */
export type Verdict =
  | { state: "VALID" }
  | { state: "INVALID"; error: string }
  /** The result is not known. `isWorthRetrying`: a later probe may succeed. */
  | { state: "UNKNOWN"; error: string; isWorthRetrying: boolean };

/** The single value under `value`, and all other parts and fields under their names. */
export type CredentialParts = ReadonlyMap<string, string>;

export interface ProbeContext {
  /** The address of the service. */
  baseUrl: string;
  /** Sends a request through the guard. Fails with an OutboundError. */
  send(request: OutboundRequest): Promise<OutboundAnswer>;
  now: () => Date;
}

export type Probe = (context: ProbeContext, parts: CredentialParts) => Promise<Verdict>;

export const valid: Verdict = { state: "VALID" };

export function invalid(error: string): Verdict {
  return { state: "INVALID", error };
}

/** The credential cannot be tried without another value or setting. */
export function untriable(error: string): Verdict {
  return { state: "UNKNOWN", error, isWorthRetrying: false };
}

export function unanswered(error: string): Verdict {
  return { state: "UNKNOWN", error, isWorthRetrying: true };
}

/** The result for answers that do not tell whether the credential is valid: too many requests, server errors, redirects. */
export function unexpected({ status }: OutboundAnswer): Verdict {
  if (status === 429) return unanswered("the service takes no more requests for now");
  return unanswered(`the service answered with status ${status}`);
}

/** Returns the value if a header can carry it: visible ASCII without spaces. */
export function tokenIn(parts: CredentialParts): string | undefined {
  const value = parts.get("value")?.trim() ?? "";
  return /^[!-~]{1,8192}$/.test(value) ? value : undefined;
}

export const noToken = invalid("the value is not a valid token");

/** Parses the text as a JSON object; an empty object if it is not one. */
export function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Returns the first of these members that is a non-empty text. */
export function textIn(object: Readonly<Record<string, unknown>>, ...names: readonly string[]): string | undefined {
  return names
    .filter((name) => Object.hasOwn(object, name))
    .map((name) => object[name])
    .find((value): value is string => typeof value === "string" && value !== "");
}
