// Authenticates an API token: finds its principal, its workspaces and its permissions.
import { timingSafeEqual } from "node:crypto";
import type { Identity } from "../../domain/workspace/caller.ts";
import { hashToken } from "../../envelope/mac.ts";
import { coveredOfMember, coveredOfToken, isAuthentic } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { type GuessLimit, invalidCredential } from "../../runtime/guess-limit.ts";
import { haveCurrentRules, membershipUnder } from "../../runtime/member-rules.ts";
import { parseTokenText, type TokenText } from "../../steps/tokens/token-text.ts";
import { findTokenRecord, type TokenRecord } from "../../store/api-tokens.ts";

export type AuthenticateTokenDeps = Pick<
  Deps,
  "database" | "tokenCache" | "deploymentKeys" | "accessTimes" | "accessRules"
>;

/** Fails with CREDENTIAL_INVALID, which never says why. Only a token that is not found, or has a wrong secret, counts as a guess. */
export async function authenticateToken(
  deps: AuthenticateTokenDeps,
  text: string,
  guesses: GuessLimit,
): Promise<Identity> {
  const parsed = parseTokenText(text);
  if (!parsed) throw invalidCredential();
  if (!deps.tokenCache.knows(parsed.lookupId)) await guesses.beforeLookup();
  const record = await deps.tokenCache.get(parsed.lookupId, () => findTokenRecord(deps.database, parsed.lookupId));
  // An unknown id takes the same work, so that the time does not show whether it exists.
  const matches = isSecretOf(deps, parsed, record?.token.secretHash ?? unknownHash);
  if (!record || !matches) {
    await guesses.failed();
    throw invalidCredential();
  }
  if (!isUsable(record)) throw invalidCredential();
  const identity = await identityOf(deps, record);
  deps.accessTimes.touchToken(identity.tokenId);
  return identity;
}

/** Returns the identity if the record of the token is in memory and accepts it. Otherwise returns undefined, and `authenticateToken` must judge it. */
export function authenticateTokenNow(deps: AuthenticateTokenDeps, text: string): Identity | undefined {
  const parsed = parseTokenText(text);
  const record = parsed && deps.tokenCache.getNow(parsed.lookupId);
  if (!record || !isSecretOf(deps, parsed, record.token.secretHash) || !isUsable(record)) return undefined;
  const identity = currentIdentityOf(deps, record);
  if (identity) deps.accessTimes.touchToken(identity.tokenId);
  return identity;
}

function isSecretOf({ deploymentKeys }: AuthenticateTokenDeps, { secret }: TokenText, expected: Uint8Array): boolean {
  const presented = hashToken(deploymentKeys.tokenPepper, secret);
  return presented.byteLength === expected.byteLength && timingSafeEqual(presented, expected);
}

const unknownHash = new Uint8Array(32);

function isUsable({ token, isExpired }: TokenRecord): boolean {
  return !isExpired && token.revokeTime === undefined;
}

const identities = new WeakMap<TokenRecord, Identity>();

/** Made once for a cached record, until its access rules change. */
async function identityOf(deps: AuthenticateTokenDeps, record: TokenRecord): Promise<Identity> {
  const known = currentIdentityOf(deps, record);
  if (known) return known;
  const { token } = record;
  if (!isAuthentic(deps.deploymentKeys, coveredOfToken(token), token.mac)) throw invalidCredential();
  const identity: Identity = {
    credential: "API_TOKEN",
    principalId: token.principalId,
    tokenId: token.tokenId,
    reachesEveryWorkspace: token.workspaceId === undefined,
    scopes: token.scopes,
    tokenExpireTime: token.expireTime,
    memberships: await Promise.all(
      membersOf(deps, record).map((member) => membershipUnder(deps, member, token.scopes)),
    ),
  };
  identities.set(record, identity);
  return identity;
}

function currentIdentityOf(deps: AuthenticateTokenDeps, record: TokenRecord): Identity | undefined {
  const known = identities.get(record);
  return known && haveCurrentRules(deps, known.memberships) ? known : undefined;
}

function membersOf({ deploymentKeys }: AuthenticateTokenDeps, { members }: TokenRecord) {
  return members.filter((member) => isAuthentic(deploymentKeys, coveredOfMember(member), member.mac));
}
