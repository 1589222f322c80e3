// Makes a token: its text for whoever asked, its hash for Postgres.
import type { Deps } from "../../deps.ts";
import { newId } from "../../domain/ids.ts";
import type { ApiToken } from "../../domain/workspace.ts";
import { hashToken } from "../../envelope/mac.ts";
import { insertToken } from "../../store/api-tokens.ts";
import type { Tx } from "../../store/database.ts";
import { coveredOfToken, macOf } from "../row-macs.ts";
import { newTokenText, shownPrefix } from "./token-text.ts";

export type IssueDeps = Pick<Deps, "now" | "random" | "deploymentKeys">;

/** What a token is to be. */
export type TokenPlan = Pick<ApiToken, "principalId" | "workspaceId" | "displayName" | "scopes" | "expireTime">;

/** A token that is not stored yet: its text exists only here. */
export function prepareToken(
  deps: IssueDeps,
  plan: TokenPlan,
): { text: string; tokenId: string; store: (tx: Tx) => Promise<ApiToken> } {
  const { text, lookupId, secret } = newTokenText(deps.random);
  const token = {
    ...plan,
    tokenId: newId("tok", deps.now(), deps.random),
    lookupId,
    prefix: shownPrefix(lookupId),
    secretHash: hashToken(deps.deploymentKeys.tokenPepper, secret),
  };
  const mac = macOf(deps.deploymentKeys, coveredOfToken({ ...token, revokeTime: undefined }));
  return { text, tokenId: token.tokenId, store: (tx) => insertToken(tx, { ...token, mac }) };
}
