// Authenticates an API token: finds its principal, its workspaces and its permissions.
import { timingSafeEqual } from "node:crypto";
import type { Identity } from "../../domain/workspace/caller.ts";
import { hashToken } from "../../envelope/mac.ts";
import { coveredOfMember, coveredOfToken, isAuthentic } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { type GuessLimit, invalidCredential } from "../../runtime/guess-limit.ts";
import { haveCurrentRules, membershipUnder } from "../../runtime/member-rules.ts";
import { parseTokenText } from "../../steps/tokens/token-text.ts";
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
  const presented = hashToken(deps.deploymentKeys.tokenPepper, parsed.secret);
  const expected = record?.token.secretHash ?? unknownHash;
  const matches = presented.byteLength === expected.byteLength && timingSafeEqual(presented, expected);
  if (!record || !matches) {
    await guesses.failed();
    throw invalidCredential();
  }
  if (!isUsable(record)) throw invalidCredential();
  const identity = await identityOf(deps, record);
  deps.accessTimes.touchToken(identity.tokenId);
  return identity;
}

const unknownHash = new Uint8Array(32);

function isUsable({ token, isExpired }: TokenRecord): boolean {
  return !isExpired && token.revokeTime === undefined;
}

const identities = new WeakMap<TokenRecord, Identity>();

/** Made once for a cached record, until its access rules change. */
async function identityOf(deps: AuthenticateTokenDeps, record: TokenRecord): Promise<Identity> {
  const known = identities.get(record);
  if (known && haveCurrentRules(deps, known.memberships)) return known;
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

function membersOf({ deploymentKeys }: AuthenticateTokenDeps, { members }: TokenRecord) {
  return members.filter((member) => isAuthentic(deploymentKeys, coveredOfMember(member), member.mac));
}
