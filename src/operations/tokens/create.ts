// CreateToken: a token for the caller itself, or for a new service principal with a role.

import { isScope, type Role, scopeForms } from "../../domain/access/permission.ts";
import { checkAll, invalidField } from "../../domain/error/errors.ts";
import { newId } from "../../domain/ids.ts";
import type { Expiration } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { tokenNotFound } from "../../domain/workspace/workspace.ts";
import { coveredOfMember, macOf } from "../../integrity/row-macs.ts";
import { authorize, authorizeEverywhere } from "../../steps/authorize.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { checkExpiration, expireTimeOf } from "../../steps/secrets/expiration.ts";
import { checkMemberHeld, checkOutlived, checkScopesHeld, exceeds } from "../../steps/tokens/grantable.ts";
import { type IssueDeps, type IssuedToken, prepareToken } from "../../steps/tokens/issue.ts";
import { addPrincipal } from "../../steps/workspaces/principals.ts";
import { findToken } from "../../store/api-tokens.ts";
import { databaseNow } from "../../store/clock.ts";
import { insertMember } from "../../store/workspaces.ts";

export interface CreateTokenInput {
  displayName: string;
  /** Defined: the token belongs to a new service principal with this role. */
  role: Role | undefined;
  scopes: readonly string[];
  expiration: Expiration | undefined;
  /** With a role: the new principal is a member of every workspace that the caller reaches now. */
  everyWorkspace: boolean;
}

/** Fails with GRANT_EXCEEDS_CALLER or FIELD_INVALID. */
export async function createToken(
  deps: MutationDeps & IssueDeps,
  caller: Caller,
  input: CreateTokenInput,
): Promise<MutationResult<IssuedToken>> {
  const grant = authorize(caller, "tokens.create");
  const { workspaceId } = grant;
  checkAll(
    () => checkScopes(input.scopes),
    () => checkExpiration(input.expiration),
    () => checkPrincipal(caller, input),
  );
  const memberOf = workspacesOf(caller, input, workspaceId);
  const scopes = scopesOf(caller, input);
  await checkGrantable(deps, caller, input, memberOf, scopes);
  return mutate(deps, caller, {
    grant,
    async prepare() {
      const principalId = input.role ? newId("prn", deps.now(), deps.random) : caller.principalId;
      const token = prepareToken(deps, {
        principalId,
        workspaceId: input.everyWorkspace ? undefined : workspaceId,
        displayName: input.displayName,
        scopes,
        expireTime: await tokenExpireTime(deps, caller, input.expiration),
      });
      const subject = { resourceType: "api_token", resourceId: token.tokenId } as const;
      return { subject, alsoIn: memberOf, token, principalId };
    },
    async apply(tx, { token, principalId }) {
      const { role } = input;
      if (role) {
        await addPrincipal(deps, tx, { principalId, kind: "SERVICE", displayName: input.displayName });
        for (const each of memberOf) {
          const member = { workspaceId: each, principalId, role };
          await insertMember(tx, { ...member, mac: macOf(deps.deploymentKeys, coveredOfMember(member)) });
        }
      }
      return { apiToken: await token.store(tx), text: token.text };
    },
    async replay(sql, id) {
      const apiToken = await findToken(sql, workspaceId, id);
      if (!apiToken) throw tokenNotFound();
      return { apiToken, text: "" };
    },
  });
}

function checkScopes(scopes: readonly string[]): void {
  const index = scopes.findIndex((scope) => !isScope(scope));
  if (index >= 0) throw invalidField(`scopes[${index}]`, `must be ${scopeForms}`);
}

/** The rights of a JWT's principal are in the JWT: an API token of that principal would have none. */
function checkPrincipal({ credential }: Caller, { role }: CreateTokenInput): void {
  if (role || credential === "API_TOKEN") return;
  throw invalidField("role", "is required: only a caller with an API token can create a token for itself");
}

/** Returns the workspaces of which a new principal becomes a member. */
function workspacesOf(caller: Caller, { role, everyWorkspace }: CreateTokenInput, workspaceId: string): string[] {
  if (!role) return [];
  return everyWorkspace ? caller.memberships.map((membership) => membership.workspaceId) : [workspaceId];
}

/** Returns the given scopes, or those of the caller's token. */
function scopesOf(caller: Caller, { scopes, role }: CreateTokenInput): string[] {
  return [...(scopes.length === 0 && !role ? caller.scopes : scopes)];
}

async function checkGrantable(
  { database }: MutationDeps,
  caller: Caller,
  input: CreateTokenInput,
  memberOf: readonly string[],
  scopes: readonly string[],
): Promise<void> {
  if (input.everyWorkspace && !caller.reachesEveryWorkspace) {
    throw exceeds("every_workspace", "only a token that reaches every workspace makes another");
  }
  const { role } = input;
  if (!role) {
    checkScopesHeld(caller, scopes);
    return;
  }
  authorizeEverywhere(caller, "tokens.create", memberOf);
  for (const workspaceId of memberOf) {
    await checkMemberHeld(database, caller, { workspaceId, role, principalId: undefined }, scopes);
  }
}

/** Returns the given expire time, or that of the caller's token. Fails if it is later than that. */
async function tokenExpireTime(
  deps: MutationDeps,
  caller: Caller,
  expiration: Expiration | undefined,
): Promise<Date | undefined> {
  if (!expiration) return caller.tokenExpireTime;
  const expireTime = expireTimeOf(expiration, await databaseNow(deps.database));
  checkOutlived(caller, expireTime);
  return expireTime;
}
