// RevokeToken: at once here, and within the cache's time limit everywhere.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import type { ApiToken } from "../../domain/workspace.ts";
import { findToken, lockToken, revokeToken as writeRevocation } from "../../store/api-tokens.ts";
import { databaseNow } from "../../store/clock.ts";
import { authorize, authorizeOwn } from "../authorize.ts";
import { type MutationDeps, mutate, type Outcome } from "../mutation.ts";
import { checkAuthentic, coveredOfToken, macOf } from "../row-macs.ts";
import { tokenNotFound } from "./not-found.ts";

/** One's own token may always be revoked. Fails with TOKEN_NOT_FOUND. */
export async function revokeToken(
  deps: MutationDeps & Pick<Deps, "tokenCache" | "deploymentKeys">,
  caller: Caller,
  tokenId: string,
): Promise<Outcome<ApiToken>> {
  const grant = tokenId === caller.tokenId ? authorizeOwn(caller, "tokens.revoke") : authorize(caller, "tokens.revoke");
  const owner = { workspaceId: grant.workspaceId, principalId: caller.principalId };
  const outcome = await mutate(deps, caller, {
    grant,
    prepare: async () => ({ subject: { resourceType: "api_token", resourceId: tokenId } }),
    async apply(tx): Promise<{ token: ApiToken; lookupId: string | undefined }> {
      const token = await lockToken(tx, owner, tokenId);
      if (!token) throw tokenNotFound();
      if (token.revokeTime) return { token, lookupId: token.lookupId };
      checkAuthentic(deps.deploymentKeys, coveredOfToken(token), token.mac);
      const revokeTime = await databaseNow(tx);
      const mac = macOf(deps.deploymentKeys, coveredOfToken({ ...token, revokeTime }));
      return { token: await writeRevocation(tx, { ...token, revokeTime, mac }), lookupId: token.lookupId };
    },
    async replay(sql, id) {
      const token = await findToken(sql, owner, id);
      if (!token) throw tokenNotFound();
      return { token, lookupId: undefined };
    },
  });
  const { token, lookupId } = outcome.resource;
  if (lookupId !== undefined) deps.tokenCache.drop(lookupId);
  return { resource: token, replayed: outcome.replayed };
}
