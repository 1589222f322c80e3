// The types and rules of a sandbox: a program with a token for the proxy and placeholders for the secrets bound to it.
import type { AccessPolicy } from "../access/access-policy.ts";
import { evaluateAccessPolicy } from "../access/evaluate-access-policy.ts";
import { deniesUse } from "../access/statement-rules.ts";
import { CofferError } from "../error/errors.ts";
import type { EgressRule } from "./egress-rule.ts";
import type { HostPattern } from "./host-pattern.ts";
import type { NetworkLimits } from "./network-limits.ts";

export interface Sandbox {
  workspaceId: string;
  sandboxId: string;
  name: string;
  /** The only address that may use the token; undefined: any. */
  sourceAddress: string | undefined;
  /** Undefined: only its secrets and its workspace limit the hosts. */
  network: NetworkLimits | undefined;
  createTime: Date;
}

/** A secret under the name of an environment variable. */
export interface Binding {
  workspaceId: string;
  sandboxId: string;
  envKey: string;
  secretId: string;
  /** The unique text that the sandbox holds instead of the value. */
  placeholder: string;
  /** The principal that bound it; undefined in rows of earlier versions. */
  boundBy?: string | undefined;
}

/** A binding with the rows that the proxy checks. */
export interface EgressBinding extends Pick<Binding, "envKey" | "secretId" | "placeholder" | "boundBy"> {
  /** Undefined when the placeholder is worth nothing: the binding was removed, or the secret is deleted or has no rule. */
  rule: EgressRule | undefined;
  /** The version whose value is used; 0: none. */
  currentVersion: number;
  /** Limits the addresses, times and principals of a use. */
  accessPolicy: AccessPolicy | undefined;
}

/** The decision about requests to hosts that no bound secret is for. */
export type Unmatched = "DENY" | "ALLOW";

export const unmatchedDefault: Unmatched = "DENY";

/** A sandbox with the rows by which the proxy checks its requests. */
export interface EgressSandbox extends Sandbox {
  bindings: readonly EgressBinding[];
  /** Hosts of secrets that the sandbox can no longer use, because the secret was deleted, has expired or was unbound. */
  formerHosts: readonly HostPattern[];
  unmatched: Unmatched;
  /** When the rows were read, by the database's clock. */
  readTime: Date;
}

/**
 * Whether the secret's access policy allows the use from the address now, and no statement denies it to the principal that bound the
 * secret. A policy that cannot be evaluated denies.
 */
export function isLetIn(
  { accessPolicy, boundBy }: Pick<EgressBinding, "accessPolicy" | "boundBy">,
  { readTime: now }: Pick<EgressSandbox, "readTime">,
  address: string,
): boolean {
  try {
    if (accessPolicy === undefined) return true;
    if (deniesUse(accessPolicy.statements, boundBy)) return false;
    return evaluateAccessPolicy(accessPolicy, { address, now }).isAllowed;
  } catch {
    return false;
  }
}

export const bindingsMax = 32;

export function isEnvKey(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(text);
}

export const envKeyRule =
  "must be the name of an environment variable: `[A-Za-z_][A-Za-z0-9_]*`, at most 128 characters";

export function noEgressRule(secretId: string): CofferError {
  return new CofferError(
    "NO_EGRESS_RULE",
    "the secret has no egress rule, so it cannot be sent to any host; set one first",
    { id: secretId },
  );
}

export function bindingNotFound(): CofferError {
  return new CofferError("BINDING_NOT_FOUND", "no secret is bound to this environment variable");
}

export function sandboxNotFound(): CofferError {
  return new CofferError("SANDBOX_NOT_FOUND", "the sandbox does not exist");
}
