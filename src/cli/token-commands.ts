// coffer token list, create, revoke.
import { CofferError } from "../domain/error/errors.ts";
import type { ApiToken } from "../domain/workspace/workspace.ts";
import { tokenNotFound } from "../domain/workspace/workspace.ts";
import { createToken } from "../operations/tokens/create.ts";
import { listTokens } from "../operations/tokens/list.ts";
import { revokeToken } from "../operations/tokens/revoke.ts";
import { findWorkspaceOfToken } from "../store/api-tokens.ts";
import { listWorkspaceIds } from "../store/workspaces.ts";
import type { CommandDeps } from "./deployment.ts";
import type { Options } from "./options.ts";
import type { Shown } from "./print.ts";
import { systemCaller } from "./system-caller.ts";
import { UsageError } from "./usage.ts";

const pageSize = 1_000;

/** Lists the tokens that reach the workspace, or all tokens. */
export async function listAllTokens(deps: CommandDeps, { workspace }: Options): Promise<Shown> {
  const workspaceIds = workspace === undefined ? await listWorkspaceIds(deps.database) : [workspace];
  const tokens = new Map<string, ApiToken>();
  for (const workspaceId of workspaceIds) {
    const caller = await systemCaller(deps, "token list", workspaceId);
    let pageToken = "";
    do {
      const page = await listTokens(deps, caller, { pageSize, pageToken });
      for (const token of page.items) tokens.set(token.tokenId, token);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
  }
  const newestFirst = [...tokens.values()].sort((a, b) => (a.tokenId < b.tokenId ? 1 : -1));
  return { json: { apiTokens: newestFirst.map(jsonOf) }, rows: newestFirst.map(rowOf) };
}

export async function createNewToken(deps: CommandDeps, options: Options): Promise<Shown> {
  const { role, everyWorkspace, expiresInMs, scopes, name = "token" } = options;
  if (role === undefined) throw new UsageError("--role is required");
  if (everyWorkspace && options.workspace !== undefined) {
    throw new UsageError("use either --workspace or --every-workspace");
  }
  const workspaceId = options.workspace ?? (await onlyWorkspace(deps, everyWorkspace));
  const caller = await systemCaller(deps, "token create", workspaceId);
  const { apiToken, text } = (
    await createToken(deps, caller, {
      displayName: name,
      role,
      scopes,
      everyWorkspace,
      expiration: expiresInMs === undefined ? undefined : { afterMs: expiresInMs },
    })
  ).resource;
  return { json: { apiToken: jsonOf(apiToken), token: text }, rows: [rowOf(apiToken)], last: text };
}

export async function revokeOneToken(deps: CommandDeps, tokenId: string): Promise<Shown> {
  const workspaceId = await findWorkspaceOfToken(deps.database, tokenId);
  if (workspaceId === undefined) throw tokenNotFound();
  const caller = await systemCaller(deps, "token revoke", workspaceId);
  const token = (await revokeToken(deps, caller, { tokenId, etag: undefined })).resource;
  return { json: { apiToken: jsonOf(token) }, rows: [rowOf(token)] };
}

/** Returns the only workspace. With `anyWillDo` the first: a token of every workspace may be stored with any of them. */
async function onlyWorkspace({ database }: CommandDeps, anyWillDo: boolean): Promise<string> {
  const [first, ...others] = await listWorkspaceIds(database);
  if (first === undefined) throw new CofferError("WORKSPACE_NOT_FOUND", "no workspace exists yet");
  if (others.length === 0 || anyWillDo) return first;
  throw new UsageError("--workspace is required: there are several workspaces (or --every-workspace)");
}

/** Returns the token as coffer.v1 shows it, without times that are not set. */
function jsonOf({ tokenId: id, lastUsedTime, ...token }: ApiToken) {
  const { principalId, workspaceId, displayName, prefix, scopes, createTime, expireTime, revokeTime } = token;
  return {
    id,
    principalId,
    workspaceId,
    displayName,
    prefix,
    scopes,
    createTime,
    expireTime,
    revokeTime,
    lastUsedTime,
  };
}

function rowOf(token: ApiToken): Record<string, string> {
  return {
    TOKEN: token.tokenId,
    NAME: token.displayName,
    WORKSPACE: token.workspaceId ?? "every",
    PRINCIPAL: token.principalId,
    SCOPES: token.scopes.join(" "),
    "LAST USED": token.lastUsedTime?.toISOString() ?? "",
    EXPIRES: token.expireTime?.toISOString() ?? "",
    REVOKED: token.revokeTime?.toISOString() ?? "",
  };
}
