// Finds the identity of a JWT. Verifying costs more than the rest of a call, so verified identities are kept for some minutes.

import { createHash } from "node:crypto";
import { BoundedMap } from "../domain/bounded-map.ts";
import { idOfDigest } from "../domain/ids.ts";
import type { Identity, Membership } from "../domain/workspace/caller.ts";
import type { Clock } from "../jwt/clock.ts";
import { isCompactForm } from "../jwt/compact.ts";
import type { JwtVerifier, VerifiedJwt } from "../jwt/verifier.ts";
import type { DatabasePort } from "../ports.ts";
import { ensurePrincipal } from "../store/principals.ts";
import { findAccessRevisions } from "../store/workspaces.ts";
import type { AccessRules } from "./access-rules.ts";
import { type GuessLimit, invalidCredential } from "./guess-limit.ts";
import { haveCurrentRules, membershipUnder } from "./member-rules.ts";

export interface JwtIdentities {
  /** Fails with CREDENTIAL_INVALID, which never says what was wrong, or with ISSUER_UNAVAILABLE. */
  get(text: string, guesses: GuessLimit): Promise<Identity>;
}

/** A new or removed workspace takes effect after this time at the latest. */
const keptMsMax = 5 * 60_000;
const keptMax = 10_000;
/** A change of access rules takes effect after this time at the latest, also when its notification is lost. */
const rulesKeptMs = 5_000;

interface Kept {
  untilMs: number;
  rulesUntilMs: number;
  jwt: VerifiedJwt;
  identity: Identity;
}

interface JwtDeps extends DatabasePort {
  accessRules: AccessRules;
}

export function createJwtIdentities(deps: JwtDeps, verifier: JwtVerifier, clock: Clock): JwtIdentities {
  // Keyed by digest, so that no credential stays in memory.
  const kept = new BoundedMap<string, Kept>(keptMax);

  const fresh = (digest: string) => {
    const entry = kept.get(digest);
    if (entry && clock.nowMs() < entry.untilMs && clock.now() < entry.jwt.expireTime && entry.jwt.isCurrent())
      return entry;
    kept.delete(digest);
    return undefined;
  };

  return {
    async get(text, guesses) {
      const digest = createHash("sha256").update(text).digest();
      const key = digest.toString("base64");
      const found = fresh(key);
      if (found) {
        const { memberships, principalId } = found.identity;
        const hasRules = memberships.some(({ rules }) => rules !== undefined);
        if (hasRules && (clock.nowMs() >= found.rulesUntilMs || !haveCurrentRules(deps, memberships))) {
          const rulesUntilMs = clock.nowMs() + rulesKeptMs;
          found.identity = { ...found.identity, memberships: await membershipsOf(deps, found.jwt, principalId) };
          found.rulesUntilMs = rulesUntilMs;
        }
        return found.identity;
      }
      if (!isCompactForm(text)) throw invalidCredential();
      await guesses.beforeLookup();
      // Measured from before the verification.
      const nowMs = clock.nowMs();
      const jwt = await verifier.verify(text);
      if (!jwt) {
        await guesses.failed();
        throw invalidCredential();
      }
      const identity = await identityOf(deps, jwt, digest);
      kept.set(key, { untilMs: nowMs + keptMsMax, rulesUntilMs: nowMs + rulesKeptMs, jwt, identity });
      return identity;
    },
  };
}

async function identityOf(deps: JwtDeps, jwt: VerifiedJwt, digest: Uint8Array): Promise<Identity> {
  const { issuer, subject, scopes, expireTime } = jwt;
  const principalId = principalIdOf(issuer, subject);
  await ensurePrincipal(deps.database, { principalId, kind: "USER", displayName: `${subject} of ${issuer}` });
  return {
    credential: "JWT",
    principalId,
    tokenId: idOfDigest("jwt", digest),
    // The claims of the JWT list the workspaces; its principal may reach others later.
    reachesEveryWorkspace: false,
    scopes,
    tokenExpireTime: expireTime,
    memberships: await membershipsOf(deps, jwt, principalId),
  };
}

/** Returns the same id for the same subject and issuer, always, and another id for all others. */
function principalIdOf(issuer: string, subject: string): string {
  const digest = createHash("sha256")
    .update(JSON.stringify([issuer, subject]))
    .digest();
  return idOfDigest("prn_jwt", digest);
}

async function membershipsOf(
  deps: JwtDeps,
  { role, workspaceIds, scopes }: VerifiedJwt,
  principalId: string,
): Promise<Membership[]> {
  if (!role || workspaceIds.length === 0) return [];
  // Claims may name workspaces that do not exist.
  const revisions = await findAccessRevisions(deps.database, workspaceIds);
  return Promise.all(revisions.map((each) => membershipUnder(deps, { ...each, principalId, role }, scopes)));
}
