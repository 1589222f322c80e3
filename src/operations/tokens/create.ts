// CreateToken: for the caller itself, or for a new service principal with a role.
import type { Caller } from "../../domain/caller.ts";
import { CofferError, invalidField } from "../../domain/errors.ts";
import { newId } from "../../domain/ids.ts";
import { isScope, narrow, permissionsOfRole, type Role } from "../../domain/permission.ts";
import type { Expiration } from "../../domain/secret.ts";
import type { ApiToken } from "../../domain/workspace.ts";
import { findToken } from "../../store/api-tokens.ts";
import { databaseNow } from "../../store/clock.ts";
import { insertMember, insertPrincipal } from "../../store/workspaces.ts";
import { authorize } from "../authorize.ts";
import { type MutationDeps, mutate, type Outcome } from "../mutation.ts";
import { coveredOfMember, macOf } from "../row-macs.ts";
import { checkExpiration } from "../secrets/expiration.ts";
import { type IssueDeps, prepareToken } from "./issue.ts";
import { tokenNotFound } from "./not-found.ts";

export interface CreateTokenInput {
  displayName: string;
  /** Given: the token belongs to a new service principal with this role. */
  role: Role | undefined;
  scopes: readonly string[];
  expiration: Expiration | undefined;
  everyWorkspace: boolean;
}

/** The text is empty when the answer is a replay: it is stored nowhere. */
export interface CreatedToken {
  apiToken: ApiToken;
  text: string;
}

/** Fails with GRANT_EXCEEDS_CALLER or FIELD_INVALID. */
export async function createToken(
  deps: MutationDeps & IssueDeps,
  caller: Caller,
  input: CreateTokenInput,
): Promise<Outcome<CreatedToken>> {
  const grant = authorize(caller, "tokens.create");
  const { workspaceId } = grant;
  checkScopes(input.scopes);
  checkExpiration(input.expiration);
  checkGrantable(caller, input);
  return mutate(deps, caller, {
    grant,
    async prepare() {
      const principalId = input.role ? newId("prn", deps.now(), deps.random) : caller.principalId;
      const token = prepareToken(deps, {
        principalId,
        workspaceId: input.everyWorkspace ? undefined : workspaceId,
        displayName: input.displayName,
        scopes: scopesOf(caller, input),
        expireTime: await expireTimeOf(deps, caller, input.expiration),
      });
      return { subject: { resourceType: "api_token", resourceId: token.tokenId }, token, principalId };
    },
    async apply(tx, { token, principalId }) {
      const { role } = input;
      if (role) {
        await insertPrincipal(tx, { principalId, kind: "SERVICE", displayName: input.displayName });
        const member = { workspaceId, principalId, role };
        await insertMember(tx, { ...member, mac: macOf(deps.deploymentKeys, coveredOfMember(member)) });
      }
      return { apiToken: await token.store(tx), text: token.text };
    },
    async replay(sql, id) {
      const apiToken = await findToken(sql, { workspaceId, principalId: caller.principalId }, id);
      if (!apiToken) throw tokenNotFound();
      return { apiToken, text: "" };
    },
  });
}

function checkScopes(scopes: readonly string[]): void {
  const index = scopes.findIndex((scope) => !isScope(scope));
  if (index >= 0)
    throw invalidField(
      `scopes[${index}]`,
      "must be a permission, `<group>.*`, `*`, `secrets:read`, `secrets:write` or `secrets:access`",
    );
}

/** A token without scopes of its own has those of the token that makes it. */
function scopesOf(caller: Caller, { scopes, role }: CreateTokenInput): string[] {
  return [...(scopes.length === 0 && !role ? caller.scopes : scopes)];
}

function checkGrantable(caller: Caller, input: CreateTokenInput): void {
  if (input.everyWorkspace && (!caller.reachesEveryWorkspace || input.role)) {
    throw exceeds("every_workspace", "only a token that reaches every workspace makes another, for its own principal");
  }
  const scopes = scopesOf(caller, input);
  // The caller's own principal has the same roles, now and later, in every workspace: only scopes could widen its token.
  const [granted, held] = input.role
    ? [narrow(permissionsOfRole(input.role), scopes), caller.membership?.permissions ?? new Set()]
    : [narrow(permissionsOfRole("OWNER"), scopes), narrow(permissionsOfRole("OWNER"), caller.scopes)];
  for (const permission of granted) {
    if (!held.has(permission)) throw exceeds(permission, `nobody grants what they do not hold: ${permission}`);
  }
}

function exceeds(what: string, message: string): CofferError {
  return new CofferError("GRANT_EXCEEDS_CALLER", message, { permission: what });
}

/** Not later than the caller's own: a token that expires leaves none behind. */
async function expireTimeOf(
  deps: MutationDeps,
  { tokenExpireTime }: Caller,
  expiration: Expiration | undefined,
): Promise<Date | undefined> {
  if (!expiration) return tokenExpireTime;
  const now = await databaseNow(deps.database);
  const expireTime = "at" in expiration ? expiration.at : new Date(now.getTime() + expiration.afterMs);
  if (expireTime <= now) throw invalidField("expire_time", "must lie ahead");
  if (tokenExpireTime && expireTime > tokenExpireTime) {
    throw exceeds("expire_time", "a token makes none that lasts longer than itself");
  }
  return expireTime;
}
