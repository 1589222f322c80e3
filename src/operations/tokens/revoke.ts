// RevokeToken: ends a token at once on this instance, and within the cache's time limit on all others.

import { checkEtag } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { ApiToken } from "../../domain/workspace/workspace.ts";
import { tokenNotFound } from "../../domain/workspace/workspace.ts";
import { checkAuthentic, coveredOfToken, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize, authorizeEverywhere, authorizeOwn } from "../../steps/authorize.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { findToken, findTokenRecord, lockToken, revokeToken as writeRevocation } from "../../store/api-tokens.ts";
import { databaseNow } from "../../store/clock.ts";

export interface RevokeTokenInput {
  tokenId: string;
  etag: string | undefined;
}

/**
 * A token may always revoke itself, and the others of its principal with the permission where it calls; what another principal's
 * token reaches beyond that takes the permission there too. Fails with TOKEN_NOT_FOUND or ETAG_MISMATCH.
 */
export async function revokeToken(
  deps: MutationDeps & Pick<Deps, "tokenCache" | "deploymentKeys">,
  caller: Caller,
  { tokenId, etag }: RevokeTokenInput,
): Promise<MutationResult<ApiToken>> {
  const grant = tokenId === caller.tokenId ? authorizeOwn(caller, "tokens.revoke") : authorize(caller, "tokens.revoke");
  const { workspaceId } = grant;
  const outcome = await mutate(deps, caller, {
    grant,
    prepare: async () => ({
      subject: { resourceType: "api_token", resourceId: tokenId },
      alsoIn: [] as string[],
    }),
    async apply(tx, { alsoIn }): Promise<{ token: ApiToken; lookupId: string | undefined }> {
      const token = await lockToken(tx, workspaceId, tokenId);
      if (!token) throw tokenNotFound();
      const record = await findTokenRecord(tx, token.lookupId);
      alsoIn.push(...(record?.members ?? []).map((member) => member.workspaceId));
      if (token.principalId !== caller.principalId) authorizeEverywhere(caller, "tokens.revoke", alsoIn);
      checkEtag(token, etag);
      if (token.revokeTime) return { token, lookupId: token.lookupId };
      checkAuthentic(deps.deploymentKeys, coveredOfToken(token), token.mac);
      const revokeTime = await databaseNow(tx);
      const mac = macOf(deps.deploymentKeys, coveredOfToken({ ...token, revokeTime }));
      return { token: await writeRevocation(tx, { ...token, revokeTime, mac }), lookupId: token.lookupId };
    },
    async replay(sql, id) {
      const token = await findToken(sql, workspaceId, id);
      if (!token) throw tokenNotFound();
      return { token, lookupId: undefined };
    },
  });
  const { token, lookupId } = outcome.resource;
  if (lookupId !== undefined) deps.tokenCache.drop(lookupId);
  return { resource: token, replayed: outcome.replayed };
}
