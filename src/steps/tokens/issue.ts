// Creates a token: its text for the caller, its hash for Postgres.

import { newId } from "../../domain/ids.ts";
import type { ApiToken } from "../../domain/workspace/workspace.ts";
import { hashToken } from "../../envelope/mac.ts";
import { coveredOfToken, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { insertToken } from "../../store/api-tokens.ts";
import type { Tx } from "../../store/database.ts";
import type { StoredApiToken } from "../../store/rows/api-token.ts";
import { newTokenText, shownPrefix } from "./token-text.ts";

export type IssueDeps = Pick<Deps, "now" | "random" | "deploymentKeys">;

/** The properties of a new token. */
export type TokenPlan = Pick<ApiToken, "principalId" | "workspaceId" | "displayName" | "scopes" | "expireTime">;

/** A token and its text. The text is stored nowhere, so it is empty in a replay. */
export interface IssuedToken {
  apiToken: ApiToken;
  text: string;
}

/** A token that is not stored yet. */
export function prepareToken(
  deps: IssueDeps,
  plan: TokenPlan,
): { text: string; tokenId: string; store: (tx: Tx) => Promise<ApiToken> } {
  const { text, ...secret } = newSecret(deps);
  const token = { ...plan, ...secret, tokenId: newId("tok", deps.now(), deps.random) };
  const mac = macOf(deps.deploymentKeys, coveredOfToken({ ...token, revokeTime: undefined }));
  return { text, tokenId: token.tokenId, store: (tx) => insertToken(tx, { ...token, mac }) };
}

/** Returns the text of a new token, and the properties that are stored of it. */
export function newSecret(
  deps: IssueDeps,
): { text: string } & Pick<StoredApiToken, "lookupId" | "prefix" | "secretHash"> {
  const { text, lookupId, secret } = newTokenText(deps.random);
  const secretHash = hashToken(deps.deploymentKeys.tokenPepper, secret);
  return { text, lookupId, prefix: shownPrefix(lookupId), secretHash };
}
