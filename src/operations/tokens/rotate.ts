// RotateToken: a new text for the same token; the old one ends at once here, and within the cache's time limit everywhere.

import { CofferError } from "../../domain/error/errors.ts";
import { checkEtag } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { tokenNotFound } from "../../domain/workspace/workspace.ts";
import { checkAuthentic, coveredOfMember, coveredOfToken, isAuthentic, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize, authorizeEverywhere, authorizeOwn } from "../../steps/authorize.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { checkMemberHeld, checkOutlived, checkScopesHeld, exceeds } from "../../steps/tokens/grantable.ts";
import { type IssueDeps, type IssuedToken, newSecret } from "../../steps/tokens/issue.ts";
import {
  findToken,
  findTokenRecord,
  lockToken,
  type TokenRecord,
  rotateToken as writeRotation,
} from "../../store/api-tokens.ts";
import type { Tx } from "../../store/database.ts";
import type { StoredApiToken } from "../../store/rows/api-token.ts";

type RotateDeps = MutationDeps & IssueDeps & Pick<Deps, "tokenCache">;

export interface RotateTokenInput {
  tokenId: string;
  etag: string | undefined;
}

/**
 * Callers may always rotate their own token. The text of another token gives all of its permissions, so the caller must hold them. Fails
 * with TOKEN_NOT_FOUND, ETAG_MISMATCH, TOKEN_NOT_ACTIVE or GRANT_EXCEEDS_CALLER.
 */
export async function rotateToken(
  deps: RotateDeps,
  caller: Caller,
  { tokenId, etag }: RotateTokenInput,
): Promise<MutationResult<IssuedToken>> {
  const isOwn = tokenId === caller.tokenId;
  const grant = isOwn ? authorizeOwn(caller, "tokens.rotate") : authorize(caller, "tokens.rotate");
  const { workspaceId } = grant;
  const outcome = await mutate(deps, caller, {
    grant,
    prepare: async () => ({
      subject: { resourceType: "api_token", resourceId: tokenId },
      alsoIn: [] as string[],
      secret: newSecret(deps),
    }),
    async apply(tx, { secret, alsoIn }): Promise<IssuedToken & { old: string | undefined }> {
      const token = await lockToken(tx, workspaceId, tokenId);
      if (!token) throw tokenNotFound();
      checkEtag(token, etag);
      checkAuthentic(deps.deploymentKeys, coveredOfToken(token), token.mac);
      const record = await findTokenRecord(tx, token.lookupId);
      if (!record || record.isExpired || token.revokeTime) throw notActive();
      alsoIn.push(...record.members.map((member) => member.workspaceId));
      if (!isOwn) await checkGrantable(deps, tx, caller, token, record);
      const { text, ...kept } = secret;
      const mac = macOf(deps.deploymentKeys, coveredOfToken({ ...token, ...kept }));
      return {
        apiToken: await writeRotation(tx, { ...token, ...kept, mac }, token.lookupId),
        text,
        old: token.lookupId,
      };
    },
    async replay(sql, id) {
      const apiToken = await findToken(sql, workspaceId, id);
      if (!apiToken) throw tokenNotFound();
      return { apiToken, text: "", old: undefined };
    },
  });
  const { apiToken, text, old } = outcome.resource;
  if (old !== undefined) deps.tokenCache.drop(old);
  return { resource: { apiToken, text }, replayed: outcome.replayed };
}

/** Fails unless the caller could grant everything that the token reaches, for as long as it lasts. */
async function checkGrantable(
  { deploymentKeys }: RotateDeps,
  tx: Tx,
  caller: Caller,
  token: StoredApiToken,
  { members }: TokenRecord,
): Promise<void> {
  if (token.workspaceId === undefined && !caller.reachesEveryWorkspace) {
    throw exceeds("every_workspace", "only a token that reaches every workspace rotates another");
  }
  checkOutlived(caller, token.expireTime);
  if (token.principalId === caller.principalId) checkScopesHeld(caller, token.scopes);
  const real = members.filter((member) => isAuthentic(deploymentKeys, coveredOfMember(member), member.mac));
  for (const member of real) await checkMemberHeld(tx, caller, member, token.scopes);
  authorizeEverywhere(
    caller,
    "tokens.rotate",
    real.map(({ workspaceId }) => workspaceId),
  );
}

function notActive(): CofferError {
  return new CofferError("TOKEN_NOT_ACTIVE", "the token is revoked or expired; create another one");
}
