// Finds the caller of a call and the workspace that it names.
import type { DescMethod } from "@bufbuild/protobuf";
import { createContextKey, type Interceptor, type StreamRequest, type UnaryRequest } from "@connectrpc/connect";
import { callerKey } from "../call/caller.ts";
import { type Admission, admissionKey, peerKey, progressKey, requestIdKey } from "../call/context.ts";
import type { AdmittedCall } from "../call/http-call.ts";
import type { CallServer } from "../call/surface.ts";
import { CofferError } from "../domain/error/errors.ts";
import type { FailureLimit, FailureLimits } from "../domain/failure-limit.ts";
import type { Caller, Identity, Membership } from "../domain/workspace/caller.ts";
import {
  type AuthenticateCredentialDeps,
  authenticateCredential,
  isWellFormedCredential,
} from "../operations/tokens/authenticate-credential.ts";
import { invalidCredential } from "../runtime/guess-limit.ts";
import type { MethodFacts } from "./method-facts.ts";

export type AuthenticateDeps = AuthenticateCredentialDeps & {
  failureLimits: FailureLimits;
  /** Returns whether a service needs no credential. */
  isPublic: (serviceName: string) => boolean;
  methodFacts: ReadonlyMap<DescMethod, MethodFacts>;
};

type Request = UnaryRequest | StreamRequest;

// JWTs with many claims are long.
const credentialLengthMax = 8_192;
const userAgentLengthMax = 256;
/** A body may arrive slowly. If it takes longer than this, the credential is checked again, because it may have been revoked. */
const admissionMsMax = 1_000;

/** The workspace that the request names, if the credential does not reach it. */
const unreachedWorkspaceKey = createContextKey<string | undefined>(undefined, { description: "unreached" });

/** Returns the check that runs before anything of the body is read. */
export function createAdmission(deps: AuthenticateDeps): CallServer["admit"] {
  return async (surface, call) => {
    const sinceMs = performance.now();
    const credential = surface.credential(call);
    const identity = await identify(deps, credential, call.contextValues.get(peerKey)?.address ?? "");
    call.contextValues.set(admissionKey, { surface, credential, identity, sinceMs });
    return call as AdmittedCall;
  };
}

/** Fails with CREDENTIAL_MISSING if the call was not admitted, and as the admission does if that was too long ago. */
export function authenticate(deps: AuthenticateDeps): Interceptor {
  return (next) => async (req) => {
    if (deps.isPublic(req.service.typeName)) return next(req);
    const address = req.contextValues.get(peerKey)?.address ?? "";
    const admission = req.contextValues.get(admissionKey);
    if (!admission) throw credentialMissing();
    const isRecent = performance.now() - admission.sinceMs < admissionMsMax;
    const identity = isRecent ? admission.identity : await identify(deps, admission.credential, address);
    const named = namedWorkspace(req, admission, deps.methodFacts.get(req.method));
    const membership = membershipOf(identity, named);
    req.contextValues.set(callerKey, callerOf(req, identity, membership, address));
    if (named !== "" && !membership) req.contextValues.set(unreachedWorkspaceKey, named);
    return next(req);
  };
}

/**
 * Refuses calls about workspaces that the credential does not reach. It runs after the rate limit, so that such calls count. The answer
 * does not show whether the workspace exists.
 */
export function reach(): Interceptor {
  return (next) => async (req) => {
    const unreached = req.contextValues.get(unreachedWorkspaceKey);
    if (unreached === undefined) return next(req);
    throw new CofferError("WORKSPACE_NOT_REACHED", "the credential does not reach this workspace", {
      workspace_id: unreached,
    });
  };
}

async function identify(deps: AuthenticateDeps, given: string | undefined, address: string): Promise<Identity> {
  const { malformed, lookups } = deps.failureLimits;
  try {
    if (given === undefined) throw credentialMissing();
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

function credentialMissing(): CofferError {
  return new CofferError("CREDENTIAL_MISSING", "a credential is required");
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

/** Returns the workspace that a header or a field of the request names; empty if none does. */
function namedWorkspace(
  { header, message, stream }: Request,
  { surface }: Admission,
  facts: MethodFacts | undefined,
): string {
  const inHeader = surface.workspace?.(header);
  if (inHeader !== undefined) return inHeader;
  const inField = stream || !facts ? "" : facts.workspace(message);
  return surface.toWorkspaceId?.(inField) ?? inField;
}

/** Returns the membership in the named workspace; without a name, in the only one. */
function membershipOf({ memberships }: Identity, named: string): Membership | undefined {
  if (named === "") return memberships.length === 1 ? memberships[0] : undefined;
  return memberships.find(({ workspaceId }) => workspaceId === named);
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

function userAgentOf(header: Headers): string {
  return (header.get("user-agent") ?? "").replaceAll(/[^ -~]/g, "?").slice(0, userAgentLengthMax);
}
