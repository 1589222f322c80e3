// Finds out who calls and about which workspace.
import type { ContextValues, Interceptor, StreamRequest, UnaryRequest } from "@connectrpc/connect";
import { CofferError, invalidField } from "../domain/error/errors.ts";
import type { FailureLimit, FailureLimits } from "../domain/failure-limit.ts";
import type { Caller, Identity, Membership } from "../domain/workspace/caller.ts";
import {
  type AuthenticateCredentialDeps,
  authenticateCredential,
  isWellFormedCredential,
} from "../operations/tokens/authenticate-credential.ts";
import { invalidCredential } from "../runtime/guess-limit.ts";
import { callerKey } from "../surfaces/caller.ts";
import type { RestSurface } from "../surfaces/rest-surface.ts";
import { admittedKey, peerKey, progressKey, requestIdKey, unreachedWorkspaceKey } from "./context.ts";

export type AuthenticateDeps = AuthenticateCredentialDeps & {
  failureLimits: FailureLimits;
  /** Services that anyone may call. */
  isPublic: (serviceName: string) => boolean;
  /** How requests to a service of a REST surface name the workspace; undefined for other services. */
  workspaceSourceOf: (serviceName: string) => RestSurface["workspace"] | undefined;
};

type Request = UnaryRequest | StreamRequest;

// JWTs with many claims are long.
const credentialLengthMax = 8_192;
const userAgentLengthMax = 256;
/** A body may arrive slowly. If it takes longer than this, the credential is checked again, because it may have been revoked. */
const admittedMsMax = 1_000;

/** Authenticates the caller from the headers, before anything of the body is read. Fails as `authenticate` does. */
export type Admit = (
  serviceName: string,
  { headers, contextValues }: { headers: Headers; contextValues: ContextValues },
) => Promise<void>;

export function createAdmission(deps: AuthenticateDeps): Admit {
  return async (serviceName, { headers, contextValues }) => {
    if (deps.isPublic(serviceName)) return;
    const sinceMs = performance.now();
    const identity = await identify(deps, headers, contextValues.get(peerKey)?.address ?? "");
    contextValues.set(admittedKey, { identity, sinceMs });
  };
}

export function authenticate(deps: AuthenticateDeps): Interceptor {
  return (next) => async (req) => {
    if (deps.isPublic(req.service.typeName)) return next(req);
    const address = req.contextValues.get(peerKey)?.address ?? "";
    const admitted = req.contextValues.get(admittedKey);
    const isRecent = admitted && performance.now() - admitted.sinceMs < admittedMsMax;
    const identity = isRecent ? admitted.identity : await identify(deps, req.header, address);
    const named = namedWorkspace(req, deps.workspaceSourceOf(req.service.typeName));
    const membership = membershipOf(identity, named);
    req.contextValues.set(callerKey, callerOf(req, identity, membership, address));
    if (named !== "" && !membership) req.contextValues.set(unreachedWorkspaceKey, named);
    return next(req);
  };
}

async function identify(deps: AuthenticateDeps, header: Headers, address: string): Promise<Identity> {
  const { malformed, lookups } = deps.failureLimits;
  const given = credentialOf(header);
  try {
    if (given === undefined) throw new CofferError("CREDENTIAL_MISSING", "a credential is required");
    if (given === "" || given.length > credentialLengthMax) throw invalidCredential();
    return await authenticateCredential(deps, given, {
      beforeLookup: () => refuseGuessing(lookups, address),
      failed: () => countGuess(lookups, address),
    });
  } catch (error) {
    const isCredential = error instanceof CofferError && error.reason.startsWith("CREDENTIAL_");
    if (isCredential && !isWellFormedCredential(given ?? "")) await countGuess(malformed, address);
    throw error;
  }
}

/** A refused attempt does not count again, so that the limit ends by itself. */
async function countGuess(limit: FailureLimit, address: string): Promise<void> {
  await refuseGuessing(limit, address);
  await limit.count(address);
}

async function refuseGuessing(limit: FailureLimit, address: string): Promise<void> {
  const blockedForMs = await limit.blockedForMs(address);
  if (blockedForMs === undefined) return;
  const message = "too many requests without a valid credential from this address";
  throw new CofferError("RATE_LIMITED", message, { subject: `address:${address}` }, { retryDelayMs: blockedForMs });
}

/** `Authorization: Bearer`, `Authorization: Token` or `X-API-Key`; two at once were refused before. Empty when it has another form. */
function credentialOf(header: Headers): string | undefined {
  const authorization = header.get("authorization");
  if (authorization === null) return header.get("x-api-key") ?? undefined;
  return /^(?:bearer|token) +([!-~]+) *$/i.exec(authorization)?.[1] ?? "";
}

function callerOf(req: Request, identity: Identity, membership: Membership | undefined, address: string): Caller {
  return {
    ...identity,
    membership,
    address,
    userAgent: userAgentOf(req.header),
    requestId: req.contextValues.get(requestIdKey),
    method: `${req.service.typeName}/${req.method.name}`,
    idempotency: undefined,
    progress: req.contextValues.get(progressKey),
  };
}

/** The workspace that the request names, or the only one there is. */
function membershipOf({ memberships }: Identity, named: string): Membership | undefined {
  if (named === "") return memberships.length === 1 ? memberships[0] : undefined;
  return memberships.find(({ workspaceId }) => workspaceId === named);
}

function namedWorkspace(req: Request, source: RestSurface["workspace"] | undefined): string {
  if (source && "field" in source) {
    const text = (req.message as Record<string, unknown>)[source.field];
    return source.toWorkspaceId(typeof text === "string" ? text : "");
  }
  const header = source;
  if (header) {
    const named = req.header.get(header.name);
    if (named === null && header.isRequired) throw invalidField(header.name, "is required");
    if (named === "" || (named ?? "").length > 53) throw invalidField(header.name, "must have 1 to 53 characters");
    const project = header.projectName === undefined ? null : req.header.get(header.projectName);
    if (project !== null && project !== named) throw new CofferError("WORKSPACE_NOT_FOUND", "there is no such project");
    if (named !== null) return named;
  }
  if (req.stream) return "";
  // A request that changes a workspace names it by the id of the workspace that it holds.
  const { workspaceId, workspace } = req.message as { workspaceId?: unknown; workspace?: { id?: unknown } };
  return ([workspaceId, workspace?.id].find((id) => typeof id === "string" && id !== "") as string | undefined) ?? "";
}

function userAgentOf(header: Headers): string {
  return (header.get("user-agent") ?? "").replaceAll(/[^ -~]/g, "?").slice(0, userAgentLengthMax);
}
