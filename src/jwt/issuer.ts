// An issuer whose JWTs are believed, and how its claims become coffer's terms.
import type { Role } from "../domain/access/permission.ts";

export interface JwtIssuer {
  /** Exactly what `iss` must say. */
  readonly issuer: string;
  /** `aud` must name one of them. */
  readonly audiences: readonly string[];
  /** Asymmetric ones only. */
  readonly algorithms: readonly string[];
  readonly keys: KeyPlace;
  /** Keys that could not be fetched again for so long are not used any more. */
  readonly keysMaxAgeMs: number;
  /** How far the issuer's clock may differ, at most 60. */
  readonly clockSkewSeconds: number;
  readonly subjectClaim: ClaimPath;
  readonly workspaces: WorkspaceRule;
  readonly role: RoleRule;
  /** Undefined: no claim narrows. */
  readonly scopes: ScopeRule | undefined;
}

export type KeyPlace = { readonly url: string } | { readonly file: string };

/** The names that lead to a claim, from the outermost object inwards. */
export type ClaimPath = readonly string[];

/** These workspaces, or those that a claim names, as far as the issuer may name them. */
export type WorkspaceRule =
  | { readonly ids: readonly string[] }
  | { readonly claim: ClaimPath; readonly allowed: readonly string[] | "*" };

/** This role, or the highest that the words of a claim stand for, and never more than `max`. */
export type RoleRule =
  | { readonly fixed: Role }
  | {
      readonly claim: ClaimPath;
      readonly map: ReadonlyMap<string, Role>;
      /** Undefined: words that stand for nothing give nothing. */
      readonly byDefault: Role | undefined;
      readonly max: Role;
    };

export interface ScopeRule {
  readonly claim: ClaimPath;
  /** What the issuer's own words stand for; words that are scopes of coffer need no entry. */
  readonly map: ReadonlyMap<string, readonly string[]>;
}

/** The algorithms that may be allowed: no symmetric one, whose key the issuer would share, and not `none`. */
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
