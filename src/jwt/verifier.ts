// Verifies JWTs of the configured issuers (RFC 7519, with the rules of RFC 8725).
import { errors, type JWTPayload, jwtVerify } from "jose";
import { type MappedClaims, mapClaims } from "./claims.ts";
import type { Clock } from "./clock.ts";
import { isHeaderAllowed, parseCompact } from "./compact.ts";
import type { JwtIssuer } from "./issuer.ts";
import { loadKeySetText } from "./key-set.ts";
import { createKeySource, type KeySource, type Keys } from "./key-source.ts";

export interface VerifiedJwt extends MappedClaims {
  issuer: string;
  expireTime: Date;
  /** Whether the keys that verified the JWT are still current. */
  isCurrent(): boolean;
}

export interface JwtVerifier {
  /** Returns undefined for an invalid JWT. Fails with ISSUER_UNAVAILABLE when the keys cannot be fetched. */
  verify(text: string): Promise<VerifiedJwt | undefined>;
}

interface Trusted {
  issuer: JwtIssuer;
  source: KeySource;
}

/** `onFailure` is called when the keys of an issuer cannot be fetched. */
export function createJwtVerifier(
  issuers: readonly JwtIssuer[],
  clock: Clock,
  onFailure: (issuer: string, error: unknown) => void,
): JwtVerifier {
  const trusted = new Map(
    issuers.map((issuer): [string, Trusted] => {
      const source = createKeySource({
        load: () => loadKeySetText(issuer.keys),
        maxAgeMs: issuer.keysMaxAgeMs,
        onFailure: (error) => onFailure(issuer.issuer, error),
        nowMs: clock.nowMs,
      });
      return [issuer.issuer, { issuer, source }];
    }),
  );
  return {
    async verify(text) {
      const unverified = parseCompact(text);
      const iss = unverified?.payload["iss"];
      const found = typeof iss === "string" ? trusted.get(iss) : undefined;
      if (!unverified || !found || !isHeaderAllowed(unverified.header, found.issuer.algorithms)) return undefined;
      return verifyOf(found, text, clock.now());
    },
  };
}

async function verifyOf({ issuer, source }: Trusted, text: string, now: Date): Promise<VerifiedJwt | undefined> {
  let keys = await source.current();
  let outcome = await tryKeys(issuer, keys, text, now);
  if (outcome === "unknown key") {
    const newer = await source.newer(keys);
    if (!newer) return undefined;
    keys = newer;
    outcome = await tryKeys(issuer, keys, text, now);
  }
  if (typeof outcome === "string") return undefined;
  const claims = mapClaims(issuer, outcome);
  if (!claims) return undefined;
  const expireTime = new Date((outcome.exp as number) * 1000);
  if (Number.isNaN(expireTime.getTime())) return undefined;
  return { ...claims, issuer: issuer.issuer, expireTime, isCurrent: () => source.isCurrent(keys) };
}

async function tryKeys(
  issuer: JwtIssuer,
  { set }: Keys,
  text: string,
  currentDate: Date,
): Promise<JWTPayload | "unknown key" | "not valid"> {
  try {
    const { payload } = await jwtVerify(text, set, {
      algorithms: [...issuer.algorithms],
      issuer: issuer.issuer,
      audience: [...issuer.audiences],
      requiredClaims: ["exp"],
      clockTolerance: issuer.clockSkewSeconds,
      currentDate,
    });
    return payload;
  } catch (error) {
    // WebCrypto throws for malformed keys of the issuer. They do not verify anything.
    return error instanceof errors.JWKSNoMatchingKey ? "unknown key" : "not valid";
  }
}
