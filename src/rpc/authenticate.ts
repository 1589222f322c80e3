// Finds out who calls and about which workspace.
import type { Interceptor, StreamRequest, UnaryRequest } from "@connectrpc/connect";
import type { Caller, Identity, Membership } from "../domain/caller.ts";
import { CofferError, invalidField } from "../domain/errors.ts";
import {
  type AuthenticateCredentialDeps,
  authenticateCredential,
} from "../operations/tokens/authenticate-credential.ts";
import type { FailureLimit } from "../redis/rate-limits.ts";
import { callerKey } from "../surfaces/caller.ts";
import type { RestSurface } from "../surfaces/rest-surface.ts";
import { peerKey, requestIdKey, unreachedWorkspaceKey } from "./context.ts";

type AuthenticateDeps = AuthenticateCredentialDeps & {
  failureLimit: FailureLimit;
  /** Services that anyone may call. */
  isPublic: (serviceName: string) => boolean;
  /** How requests to a service of a REST surface name the workspace; undefined for other services. */
  workspaceSourceOf: (serviceName: string) => RestSurface["workspace"] | undefined;
};

type Request = UnaryRequest | StreamRequest;

// JWTs with many claims are long.
const credentialLengthMax = 8_192;
const userAgentLengthMax = 256;

export function authenticate(deps: AuthenticateDeps): Interceptor {
  return (next) => async (req) => {
    if (deps.isPublic(req.service.typeName)) return next(req);
    const address = req.contextValues.get(peerKey)?.address ?? "";
    const identity = await identify(deps, req, address);
    const named = namedWorkspace(req, deps.workspaceSourceOf(req.service.typeName));
    const membership = membershipOf(identity, named);
    req.contextValues.set(callerKey, callerOf(req, identity, membership, address));
    if (named !== "" && !membership) req.contextValues.set(unreachedWorkspaceKey, named);
    return next(req);
  };
}

async function identify(deps: AuthenticateDeps, req: Request, address: string): Promise<Identity> {
  const beforeLookup = () => refuseGuessing(deps.failureLimit, address);
  try {
    const credential = credentialOf(req.header);
    if (credential !== undefined) return await authenticateCredential(deps, credential, beforeLookup);
    await beforeLookup();
    throw new CofferError("CREDENTIAL_MISSING", "a credential is required");
  } catch (error) {
    if (error instanceof CofferError && error.reason.startsWith("CREDENTIAL_")) await deps.failureLimit.count(address);
    throw error;
  }
}

async function refuseGuessing(failureLimit: FailureLimit, address: string): Promise<void> {
  const blockedForMs = await failureLimit.blockedForMs(address);
  if (blockedForMs === undefined) return;
  const message = "too many requests without a valid credential from this address";
  throw new CofferError("RATE_LIMITED", message, { subject: `address:${address}` }, { retryDelayMs: blockedForMs });
}

/** `Authorization: Bearer`, `Authorization: Token` or `X-API-Key`; two at once were refused before. */
function credentialOf(header: Headers): string | undefined {
  const authorization = header.get("authorization");
  const credential =
    authorization === null
      ? header.get("x-api-key")
      : (/^(?:bearer|token) +([!-~]+) *$/i.exec(authorization)?.[1] ?? "");
  if (credential === null) return undefined;
  if (credential === "" || credential.length > credentialLengthMax) {
    throw new CofferError("CREDENTIAL_INVALID", "the credential is not valid");
  }
  return credential;
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
