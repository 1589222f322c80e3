// Finds the caller of a call and the workspace that it names.
import type { DescMethod } from "@bufbuild/protobuf";
import type { ContextValues } from "@connectrpc/connect";
import { type Admission, admissionKey, peerKey, requestIdKey } from "../call/context.ts";
import type { AdmittedCall } from "../call/http-call.ts";
import type { CallServer } from "../call/surface.ts";
import { CofferError } from "../domain/error/errors.ts";
import type { FailureLimit, FailureLimits } from "../domain/failure-limit.ts";
import type { Caller, Identity, Membership } from "../domain/workspace/caller.ts";
import {
  type AuthenticateCredentialDeps,
  authenticateCredential,
  authenticateNow,
  isWellFormedCredential,
} from "../operations/tokens/authenticate-credential.ts";
import { invalidCredential } from "../runtime/guess-limit.ts";
import type { MethodFacts } from "./method-facts.ts";
import type { UnaryCall } from "./unary-call.ts";

export type AuthenticateDeps = AuthenticateCredentialDeps & {
  failureLimits: FailureLimits;
  methodFacts: ReadonlyMap<DescMethod, MethodFacts>;
};

// JWTs with many claims are long.
const credentialLengthMax = 8_192;
const userAgentLengthMax = 256;
/** A body may arrive slowly. If it takes longer than this, the credential is checked again, because it may have been revoked. */
const admissionMsMax = 1_000;

/** Returns the check that runs before anything of the body is read. */
export function createAdmission(deps: AuthenticateDeps): CallServer["admit"] {
  return (surface, call) => {
    const sinceMs = performance.now();
    const credential = surface.credential(call);
    const admit = (identity: Identity) => {
      call.contextValues.set(admissionKey, { surface, credential, identity, sinceMs });
      return call as AdmittedCall;
    };
    const known = credential === undefined ? undefined : authenticateNow(deps, credential);
    return known ? admit(known) : identify(deps, credential, addressOf(call.contextValues)).then(admit);
  };
}

/**
 * Finds the caller of a call; returns a promise if the credential must be checked again. Fails with CREDENTIAL_MISSING if the call was not
 * admitted, and as the admission does if that was too long ago.
 */
export function identifyCaller(deps: AuthenticateDeps, call: UnaryCall): Promise<void> | undefined {
  const admission = call.values.get(admissionKey);
  if (!admission) throw credentialMissing();
  const isRecent = performance.now() - admission.sinceMs < admissionMsMax;
  if (isRecent) {
    setCaller(deps, call, admission, admission.identity);
    return undefined;
  }
  return identify(deps, admission.credential, addressOf(call.values)).then((identity) =>
    setCaller(deps, call, admission, identity),
  );
}

function setCaller(deps: AuthenticateDeps, call: UnaryCall, admission: Admission, identity: Identity): void {
  const named = namedWorkspace(call, admission, deps.methodFacts.get(call.method));
  const membership = membershipOf(identity, named);
  call.caller = callerOf(call, identity, membership);
  if (named !== "" && !membership) call.unreachedWorkspaceId = named;
}

/**
 * Refuses calls about workspaces that the credential does not reach. It runs after the rate limit, so that such calls count. The answer
 * does not show whether the workspace exists.
 */
export function checkReach({ unreachedWorkspaceId }: UnaryCall): void {
  if (unreachedWorkspaceId === undefined) return;
  throw new CofferError("WORKSPACE_NOT_REACHED", "the credential does not reach this workspace", {
    workspace_id: unreachedWorkspaceId,
  });
}

function addressOf(values: ContextValues): string {
  return values.get(peerKey)?.address ?? "";
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
  { requestHeader, message }: UnaryCall,
  { surface }: Admission,
  facts: MethodFacts | undefined,
): string {
  const inHeader = surface.workspace?.(requestHeader);
  if (inHeader !== undefined) return inHeader;
  const inField = facts ? facts.workspace(message) : "";
  return surface.toWorkspaceId?.(inField) ?? inField;
}

/** Returns the membership in the named workspace; without a name, in the only one. */
function membershipOf({ memberships }: Identity, named: string): Membership | undefined {
  if (named === "") return memberships.length === 1 ? memberships[0] : undefined;
  return memberships.find(({ workspaceId }) => workspaceId === named);
}

function callerOf(call: UnaryCall, identity: Identity, membership: Membership | undefined): Caller {
  return {
    ...identity,
    membership,
    address: addressOf(call.values),
    userAgent: userAgentOf(call.requestHeader),
    requestId: call.values.get(requestIdKey),
    method: nameOf(call.method),
    idempotency: undefined,
    progress: call,
  };
}

const names = new WeakMap<DescMethod, string>();

function nameOf(method: DescMethod): string {
  let name = names.get(method);
  if (name === undefined) {
    name = `${method.parent.typeName}/${method.name}`;
    names.set(method, name);
  }
  return name;
}

function userAgentOf(header: Headers): string {
  const given = header.get("user-agent");
  return given === null ? "" : given.replaceAll(/[^ -~]/g, "?").slice(0, userAgentLengthMax);
}
