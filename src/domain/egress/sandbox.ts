// A sandbox: a program that uses secrets through the proxy. It holds a token for the proxy, and placeholders for the secrets bound to it.
import type { AccessPolicy } from "../access/access-policy.ts";
import { judgeAccessPolicy } from "../access/judge-access-policy.ts";
import { deniesUse } from "../access/statement-rules.ts";
import { CofferError } from "../error/errors.ts";
import type { EgressRule } from "./egress-rule.ts";
import type { HostPattern } from "./host-pattern.ts";
import type { NetworkLimits } from "./network-limits.ts";

export interface Sandbox {
  workspaceId: string;
  sandboxId: string;
  name: string;
  /** The only client address that the proxy accepts; undefined: any. */
  sourceAddress: string | undefined;
  /** Undefined: its secrets and its workspace decide. */
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
  /** The principal that bound it; undefined for bindings of older versions of coffer. */
  boundBy?: string | undefined;
}

/** A binding as the proxy judges it. */
export interface EgressBinding extends Pick<Binding, "envKey" | "secretId" | "placeholder" | "boundBy"> {
  /** Undefined when the placeholder no longer works: unbound, or its secret is deleted or has no rule. */
  rule: EgressRule | undefined;
  /** The secret version that is used; 0: none. */
  currentVersion: number;
  /** The access policy of the secret. */
  accessPolicy: AccessPolicy | undefined;
}

/** The treatment of requests to hosts of no bound secret. */
export type Unmatched = "DENY" | "ALLOW";

export const unmatchedDefault: Unmatched = "DENY";

/** A sandbox as the proxy judges its requests. */
export interface EgressSandbox extends Sandbox {
  bindings: readonly EgressBinding[];
  /** Hosts of secrets that the sandbox could use before they were deleted, expired or unbound. */
  formerHosts: readonly HostPattern[];
  unmatched: Unmatched;
  /** The time of this snapshot, by the database's clock. */
  readTime: Date;
}

/**
 * Whether the secret's access policy lets the sandbox use the value from the address at this time, and no statement denies it to the
 * principal that bound the secret. A policy that cannot be read lets nobody in.
 */
export function isLetIn(
  { accessPolicy, boundBy }: Pick<EgressBinding, "accessPolicy" | "boundBy">,
  { readTime: now }: Pick<EgressSandbox, "readTime">,
  address: string,
): boolean {
  try {
    if (accessPolicy === undefined) return true;
    if (deniesUse(accessPolicy.statements, boundBy)) return false;
    return judgeAccessPolicy(accessPolicy, { address, now }).isAllowed;
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
  return new CofferError("NO_EGRESS_RULE", "the secret has no egress rule, so it may go nowhere", { id: secretId });
}

export function bindingNotFound(): CofferError {
  return new CofferError("BINDING_NOT_FOUND", "nothing is bound to this environment variable");
}

export function sandboxNotFound(): CofferError {
  return new CofferError("SANDBOX_NOT_FOUND", "there is no such sandbox");
}
