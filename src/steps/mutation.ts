// The only way to change rows: claims the idempotency key, changes the rows and writes the audit event in one transaction.
import { timingSafeEqual } from "node:crypto";
import type { Grant } from "../domain/access/grant.ts";
import type { Permission } from "../domain/access/permission.ts";
import type { AuditEvent, AuditSubject } from "../domain/audit/audit-event.ts";
import type { CallProgress } from "../domain/call-progress.ts";
import { reasons } from "../domain/error/error-reasons.ts";
import { CofferError } from "../domain/error/errors.ts";
import type { Caller, Idempotency } from "../domain/workspace/caller.ts";
import { auditEvent, auditUnavailable } from "../runtime/audit-trail.ts";
import type { Deps } from "../runtime/deps.ts";
import { insertAuditEvents } from "../store/audit-events.ts";
import type { Sql, Tx } from "../store/database.ts";
import {
  claimIdempotencyKey,
  findIdempotencyRecord,
  type IdempotencyClaim,
  type IdempotencyScope,
} from "../store/idempotency.ts";

export type MutationDeps = Pick<Deps, "database" | "idempotencyHints" | "singleFlight" | "now" | "random">;

/** The resource of a change, and whether an earlier call with the same idempotency key had made it. */
export interface MutationResult<T> {
  resource: T;
  replayed: boolean;
}

/** A change that is looked up, decided and sealed, but not written yet. */
export interface PreparedMutation {
  subject: AuditSubject;
  /** Further workspaces that it changes. Their audit trails get the event too. */
  alsoIn?: readonly string[];
  /** The secret whose row it locks; default: its subject. */
  secretId?: string;
}

/** The rows that are stored with a change. */
export interface MutationRecords {
  event: AuditEvent;
  claim: IdempotencyClaim | undefined;
  progress: CallProgress | undefined;
}

/** One change. */
export interface Mutation<P extends PreparedMutation, T> {
  /** The permission for it, in its workspace. */
  grant: Grant<Permission>;
  /** Outside the transaction: looks up, decides and seals. Its subject is what a replay returns. */
  prepare(): Promise<P>;
  /**
   * Runs in the transaction: checks again what may have changed, and writes. It may complete the subject. It may run twice, if the first
   * transaction changed nothing, so it must not modify its input.
   */
  apply(tx: Tx, prepared: P): Promise<T>;
  /**
   * Does the same as `prepare`, `apply`, the claim and the event in one statement. Returns undefined if it changed nothing, for example when
   * the key is taken. Then the transaction runs and reports why.
   */
  applyAtOnce?(recordsOf: (subject: AuditSubject) => MutationRecords): Promise<T | undefined>;
  /** Returns the subject of an earlier call as it is now. */
  replay(sql: Sql, resourceId: string): Promise<T>;
}

const waitForOtherMs = 5_000;
const fingerprintKeyVersion = 1;

/** Runs a mutation once. A call whose idempotency key was used for the same request returns the resource of that request. */
export async function mutate<P extends PreparedMutation, T>(
  deps: MutationDeps,
  caller: Caller,
  mutation: Mutation<P, T>,
): Promise<MutationResult<T>> {
  const { idempotency } = caller;
  if (!idempotency) return { resource: await change(deps, caller, mutation, undefined), replayed: false };
  const { workspaceId } = mutation.grant;
  const scope = { workspaceId, principalId: caller.principalId, method: caller.method, key: idempotency.key };
  const outcome = await deps.singleFlight.run(JSON.stringify(scope), waitForOtherMs, (otherSucceeded) =>
    changeOrReplay(deps, caller, mutation, scope, idempotency, otherSucceeded),
  );
  if (!outcome) throw keyInUse();
  return outcome;
}

async function changeOrReplay<P extends PreparedMutation, T>(
  deps: MutationDeps,
  caller: Caller,
  mutation: Mutation<P, T>,
  scope: IdempotencyScope,
  idempotency: Idempotency,
  otherSucceeded: boolean,
): Promise<MutationResult<T>> {
  const replay = () => findReplay(deps, mutation, scope, idempotency);
  // A hint only decides what to do first. Postgres decides whether the key was used.
  if (otherSucceeded || (await deps.idempotencyHints.has(scope))) {
    const replayed = await replay();
    if (replayed) return replayed;
  }
  try {
    const resource = await change(deps, caller, mutation, { scope, idempotency });
    deps.idempotencyHints.add(scope);
    return { resource, replayed: false };
  } catch (error) {
    if (!mayHaveHappenedBefore(error)) throw error;
    // The key is taken, or the conflict is the change of the first call with this key.
    const replayed = await replay();
    if (replayed) return replayed;
    throw error;
  }
}

async function change<P extends PreparedMutation, T>(
  deps: MutationDeps,
  caller: Caller,
  mutation: Mutation<P, T>,
  intent: { scope: IdempotencyScope; idempotency: Idempotency } | undefined,
): Promise<T> {
  const { grant } = mutation;
  const { progress } = caller;
  const outcome = { decision: "ALLOW", rule: grant.rule, result: "OK" } as const;
  const claimFor = (subject: AuditSubject) => intent && claimOf(intent.scope, intent.idempotency, subject);
  const result = await mutation.applyAtOnce?.((subject) => ({
    event: auditEvent(deps, caller, outcome, subject),
    claim: claimFor(subject),
    progress,
  }));
  if (result !== undefined) return result;
  // The statement may have waited.
  if (mutation.applyAtOnce && progress?.signal.aborted) throw callerGone();
  const prepared = await mutation.prepare();
  const { subject } = prepared;
  const claim = claimFor(subject);
  const waitsFor = prepared.secretId ?? subject.resourceId;
  const body = async (tx: Tx) => {
    if (claim) await claimOrFail(tx, claim);
    const result = await mutation.apply(tx, prepared);
    const workspaceIds = new Set([grant.workspaceId, ...(prepared.alsoIn ?? [])]);
    const events = [...workspaceIds].map((id) => auditEvent(deps, caller, { ...outcome, workspaceId: id }, subject));
    await insertAuditEvents(tx, events).catch((error: unknown) => {
      throw error instanceof CofferError ? error : auditUnavailable(error);
    });
    return result;
  };
  return deps.database.transaction(body, { waitsFor, progress });
}

function claimOf(
  scope: IdempotencyScope,
  { fingerprint }: Idempotency,
  { resourceType, resourceId }: AuditSubject,
): IdempotencyClaim {
  return { scope, record: { fingerprint, fingerprintKeyVersion, resourceType, resourceId } };
}

async function claimOrFail(tx: Tx, claim: IdempotencyClaim): Promise<void> {
  const claimed = await claimIdempotencyKey(tx, claim).catch((error: unknown) => {
    throw error instanceof CofferError && error.reason === "CONCURRENT_CHANGE" ? keyInUse(error) : error;
  });
  if (!claimed) throw keyInUse();
}

async function findReplay<T>(
  deps: MutationDeps,
  mutation: Pick<Mutation<PreparedMutation, T>, "replay">,
  scope: IdempotencyScope,
  idempotency: Idempotency,
): Promise<MutationResult<T> | undefined> {
  const record = await findIdempotencyRecord(deps.database, scope);
  if (!record) return undefined;
  if (!timingSafeEqual(record.fingerprint, idempotency.fingerprint)) {
    throw new CofferError("IDEMPOTENCY_KEY_REUSED", "this idempotency key was used for another request", {
      idempotency_key: scope.key,
    });
  }
  return { resource: await mutation.replay(deps.database, record.resourceId), replayed: true };
}

function mayHaveHappenedBefore(error: unknown): boolean {
  if (!(error instanceof CofferError)) return false;
  const { code } = reasons[error.reason];
  return code !== "UNAVAILABLE" && code !== "PERMISSION_DENIED";
}

function callerGone(): CofferError {
  return new CofferError("CANCELED", "the client closed the connection; nothing was changed");
}

function keyInUse(cause?: unknown): CofferError {
  return new CofferError(
    "IDEMPOTENCY_KEY_IN_USE",
    "a call with this idempotency key is still running",
    {},
    { cause, retryDelayMs: 1_000 },
  );
}
