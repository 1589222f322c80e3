// Admits a sandbox by its token, within its request limit. Clients without a valid token are limited by their address.
import type { Refusal } from "../domain/egress/refusal.ts";
import type { EgressSandbox } from "../domain/egress/sandbox.ts";
import type { FailureLimit, FailureLimits } from "../domain/failure-limit.ts";
import { type AuthenticateSandboxDeps, authenticateSandbox } from "../operations/egress/authenticate-sandbox.ts";
import { parseSandboxToken } from "../steps/egress/sandbox-token.ts";
import type { ProxyAnswer } from "./answers.ts";
import type { Usage } from "./usage.ts";

export interface EnterParts extends AuthenticateSandboxDeps {
  /** The limit of all requests of a sandbox. */
  sandboxUsage: Usage;
  /** Limits of addresses whose clients present no valid token. */
  failureLimits: FailureLimits;
  /** A client at this address presented no valid token, or a token for another address. */
  onUnknownClient(address: string): void;
}

export interface Entered {
  sandbox: EgressSandbox;
  /** The request exceeds the limit. */
  refusal?: Refusal;
}

/** Counts one request of the sandbox, also if it is refused later. `answer`: the refusal of a token that is not valid at this address. */
export async function enter(
  parts: EnterParts,
  token: string,
  address: string,
): Promise<Entered | { answer: ProxyAnswer }> {
  const { malformed, lookups } = parts.failureLimits;
  const parsed = parseSandboxToken(token);
  if (!parsed) return { answer: await failed(parts, malformed, address) };
  // A sandbox that this proxy knows is accepted even when other clients at its address guess tokens.
  if (!parts.sandboxRecords.knows(parsed.lookupId)) {
    const answer = await tooManyGuesses(lookups, address);
    if (answer) return { answer };
  }
  const sandbox = await authenticateSandbox(parts, token, address);
  if (!sandbox) return { answer: await failed(parts, lookups, address) };
  const counted = await parts.sandboxUsage.begin(`${sandbox.workspaceId} ${sandbox.sandboxId}`, {});
  return "code" in counted ? { sandbox, refusal: counted } : { sandbox };
}

async function failed(parts: EnterParts, limit: FailureLimit, address: string): Promise<ProxyAnswer> {
  const answer = await tooManyGuesses(limit, address);
  if (answer) return answer;
  await limit.count(address);
  parts.onUnknownClient(address);
  return { status: 407, reason: "proxy_authentication_required" };
}

async function tooManyGuesses(limit: FailureLimit, address: string): Promise<ProxyAnswer | undefined> {
  const retryAfterMs = await limit.blockedForMs(address);
  return retryAfterMs === undefined ? undefined : { status: 429, reason: "rate_limited", retryAfterMs };
}
