// Lets a sandbox in, by its token and within its request limit; clients without one are limited by their address.
import type { Refusal } from "../domain/egress/refusal.ts";
import type { JudgedSandbox } from "../domain/egress/sandbox.ts";
import type { FailureLimit } from "../domain/failure-limit.ts";
import { authenticateSandbox } from "../operations/egress/authenticate-sandbox.ts";
import { parseSandboxToken } from "../steps/egress/sandbox-token.ts";
import { type ProxyAnswer, unknownSandbox } from "./answers.ts";
import type { EgressParts } from "./parts.ts";

export interface Entered {
  sandbox: JudgedSandbox;
  /** The request exceeds the limit. */
  refusal?: Refusal;
}

/** Counts one request of the sandbox, also if it is refused later. `answer`: the refusal of a token that is not valid at this address. */
export async function enter(
  parts: EgressParts,
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

async function failed(parts: EgressParts, limit: FailureLimit, address: string): Promise<ProxyAnswer> {
  const answer = await tooManyGuesses(limit, address);
  if (answer) return answer;
  await limit.count(address);
  return unknownSandbox(parts, address);
}

async function tooManyGuesses(limit: FailureLimit, address: string): Promise<ProxyAnswer | undefined> {
  const retryAfterMs = await limit.blockedForMs(address);
  return retryAfterMs === undefined ? undefined : { status: 429, reason: "rate_limited", retryAfterMs };
}
