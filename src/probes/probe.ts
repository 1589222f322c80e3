// What a probe is: one cheap, read-only request that tells whether a service takes a credential.
import type { OutboundAnswer, OutboundRequest } from "../net-guard/request.ts";

/** What a service said of a credential. Errors are sentences of coffer's own: nothing of a credential or an answer is in them. */
export type Verdict =
  | { state: "VALID" }
  | { state: "INVALID"; error: string }
  /** Nobody knows; `isWorthRetrying` when that may change by itself. */
  | { state: "UNKNOWN"; error: string; isWorthRetrying: boolean };

/** The value as `value`, and whatever belongs to it by its name. */
export type CredentialParts = ReadonlyMap<string, string>;

export interface ProbeContext {
  /** Where the service is. */
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

/** It would take another value, or another setting, to try it. */
export function untriable(error: string): Verdict {
  return { state: "UNKNOWN", error, isWorthRetrying: false };
}

export function unanswered(error: string): Verdict {
  return { state: "UNKNOWN", error, isWorthRetrying: true };
}

/** For an answer that says nothing about the credential: too many requests, a fault of the service, a redirect. */
export function unexpected({ status }: OutboundAnswer): Verdict {
  if (status === 429) return unanswered("the service takes no more requests for now");
  return unanswered(`the service answered with status ${status}`);
}

/** The value, where it can stand in a header: visible ASCII without spaces. */
export function tokenIn(parts: CredentialParts): string | undefined {
  const value = parts.get("value")?.trim() ?? "";
  return /^[!-~]{1,8192}$/.test(value) ? value : undefined;
}

export const noToken = invalid("the value is not a valid token");

/** The text as a JSON object, or an empty one. */
export function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The first of these members that is text and not empty. */
export function textIn(object: Readonly<Record<string, unknown>>, ...names: readonly string[]): string | undefined {
  return names
    .filter((name) => Object.hasOwn(object, name))
    .map((name) => object[name])
    .find((value): value is string => typeof value === "string" && value !== "");
}
