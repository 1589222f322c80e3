// A trusted JWT issuer, and the mapping of its claims.
import type { Role } from "../domain/access/permission.ts";

export interface JwtIssuer {
  /** The exact value of `iss`. */
  readonly issuer: string;
  /** `aud` must contain one of them. */
  readonly audiences: readonly string[];
  /** Asymmetric algorithms only. */
  readonly algorithms: readonly string[];
  readonly keys: KeySetLocation;
  /** Keys that could not be fetched again for this time are no longer used. */
  readonly keysMaxAgeMs: number;
  /** The tolerated difference of the issuer's clock, at most 60. */
  readonly clockSkewSeconds: number;
  readonly subjectClaim: ClaimPath;
  readonly workspaces: WorkspaceRule;
  readonly role: RoleRule;
  /** Undefined: claims do not narrow. */
  readonly scopes: ScopeRule | undefined;
}

export type KeySetLocation = { readonly url: string } | { readonly file: string };

/** The names that lead to a claim, from the outermost object inwards. */
export type ClaimPath = readonly string[];

/** Fixed workspaces, or those in a claim that the issuer is allowed to name. */
export type WorkspaceRule =
  | { readonly ids: readonly string[] }
  | { readonly claim: ClaimPath; readonly allowed: readonly string[] | "*" };

/** A fixed role, or the highest role that the words of a claim map to, at most `max`. */
export type RoleRule =
  | { readonly fixed: Role }
  | {
      readonly claim: ClaimPath;
      readonly map: ReadonlyMap<string, Role>;
      /** The role for unmapped words; undefined: none. */
      readonly byDefault: Role | undefined;
      readonly max: Role;
    };

export interface ScopeRule {
  readonly claim: ClaimPath;
  /** Maps the issuer's words to scopes. Scopes of coffer need no entry. */
  readonly map: ReadonlyMap<string, readonly string[]>;
}

/** The algorithms that may be configured: asymmetric ones only, because coffer must not share a key with the issuer, and not `none`. */
export const asymmetricAlgorithms: readonly string[] = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
