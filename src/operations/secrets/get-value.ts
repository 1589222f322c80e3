// GetSecretValue: opens one version, and lets its value leave only when the audit event is durable.

import type { Grant } from "../../domain/access/grant.ts";
import type { AuditEvent, AuditSubject } from "../../domain/audit/audit-event.ts";
import { CofferError } from "../../domain/error/errors.ts";
import type { Payload } from "../../domain/secret/payload.ts";
import { type SecretRef, secretNotFound } from "../../domain/secret/secret.ts";
import { checkReadable, noVersionEnabled, parseVersionRef, versionNotFound } from "../../domain/secret/version.ts";
import { pathOf } from "../../domain/secret-name.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { UnwrappedDek } from "../../envelope/envelope.ts";
import { denialEvent } from "../../runtime/audit-denials.ts";
import { auditEvent } from "../../runtime/audit-trail.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { OpenedVersion } from "../../runtime/opened-versions.ts";
import { authorize, authorizeAt, authorizeFound, authorizeSomewhere, dependsOnPath } from "../../steps/authorize.ts";
import { resolveReference } from "../../steps/external-vaults/resolve-reference.ts";
import { checkAccess } from "../../steps/secrets/check-access.ts";
import { findSecretOrFail } from "../../steps/secrets/find.ts";
import { envelopeOf, type RevealedValue, reveal, unwrapSealed } from "../../steps/secrets/open-sealed.ts";
import { reportCorrupt } from "../../steps/secrets/report-corrupt.ts";
import { refOf, type SecretRefInput } from "../../steps/secrets/secret-ref.ts";
import { type SealedVersion, toSealedVersion, type UnreadVersion } from "../../store/read-values.ts";

export type GetValueDeps = Pick<
  Deps,
  | "valueReader"
  | "openedVersions"
  | "regions"
  | "keyMaterial"
  | "deploymentId"
  | "deploymentKeys"
  | "audit"
  | "accessTimes"
  | "externalVaults"
  | "database"
  | "now"
  | "random"
>;

export interface GetValueInput {
  secret: SecretRefInput;
  version: string;
}

export interface SecretValue {
  secretId: string;
  versionNumber: number;
  value: RevealedValue;
  kmsKeyId: string;
  kmsKeyVersion: number;
}

/**
 * Fails with ACCESS_POLICY_DENIED, SECRET_NOT_FOUND, VERSION_*, NOT_REVEALABLE, KEY_NOT_ACTIVE, VALUE_CORRUPT, AUDIT_UNAVAILABLE or as
 * resolveReference does.
 */
export async function getSecretValue(deps: GetValueDeps, caller: Caller, input: GetValueInput): Promise<SecretValue> {
  const { grant, ref, onlyId } = dependsOnPath(caller, "versions.access")
    ? await authorizeAtPath(deps, caller, input.secret)
    : { grant: authorize(caller, "versions.access"), ref: refOf(deps, input.secret), onlyId: undefined };
  const event = eventOf(deps, caller, grant, "OK");
  const mark = deps.openedVersions.mark();
  const row = await deps.valueReader.read({ grant, secret: ref, version: parseVersionRef(input.version), event });
  if (!row) throw secretNotFound();
  const read: Read = { grant, event, mark, row, onlyId };
  const opened = deps.openedVersions.find(row);
  return opened ? openAgain(deps, caller, read, opened) : verifyAndOpen(deps, caller, read);
}

interface Read {
  grant: Grant<"versions.access">;
  event: AuditEvent;
  /** A mark of the opened versions from before the read. */
  mark: number;
  row: UnreadVersion;
  /** The only secret that the caller may read; undefined: the one that was found. */
  onlyId: string | undefined;
}

/** Opens a version whose rows were verified before and are unchanged. `test/faults/covered-columns.test.ts` changes each column meanwhile. */
function openAgain(
  deps: GetValueDeps,
  caller: Caller,
  { grant, row, onlyId }: Read,
  opened: OpenedVersion,
): SecretValue | Promise<SecretValue> {
  if (onlyId !== undefined && opened.secretId !== onlyId) throw secretNotFound();
  checkRecorded(row);
  let payload: Payload;
  try {
    payload = opened.dek.open(row.envelope as Buffer);
  } catch (error) {
    const { secretId: resourceId, versionNumber } = opened;
    return reportCorrupt(deps, caller, grant, { resourceType: "secret", resourceId, versionNumber }, error);
  }
  return answer(deps, opened, reveal(payload));
}

async function verifyAndOpen(deps: GetValueDeps, caller: Caller, read: Read): Promise<SecretValue> {
  const { grant, event, row, onlyId } = read;
  const sealed = toSealedVersion(row);
  if (onlyId !== undefined && sealed.secret.secretId !== onlyId) throw secretNotFound();
  const { payload, dek } = await openOrReport(deps, caller, grant, sealed);
  using unkept = new DisposableStack();
  unkept.use(dek);
  using unanswered = new DisposableStack();
  unanswered.use(payload.bytes);
  // Reads of secrets with an access policy are not audited by the SELECT; record the event here.
  if (sealed.policyTime) await deps.audit.record({ ...event, ...subjectOf(sealed) });
  else checkRecorded(row);
  const facts = factsOf(sealed);
  if (payload.form === "reference") {
    // The answer does not hold the bytes of the payload.
    const value = await resolvedValue(deps, caller, grant, sealed, payload);
    return answer(deps, facts, value);
  }
  const value = answer(deps, facts, reveal(payload));
  unanswered.move();
  // A policy must be judged again at each read.
  if (!sealed.policyTime) {
    unkept.move();
    deps.openedVersions.keep(row, { ...facts, dek }, read.mark);
  }
  return value;
}

type Facts = Omit<OpenedVersion, "dek">;

function answer(deps: GetValueDeps, facts: Facts, value: RevealedValue): SecretValue {
  const { secretId, versionNumber, kmsKeyId, kmsKeyVersion } = facts;
  deps.accessTimes.touch(facts, facts);
  return { secretId, versionNumber, kmsKeyId, kmsKeyVersion, value };
}

function checkRecorded({ isRecorded }: UnreadVersion): void {
  if (!isRecorded) throw new Error("a value is about to leave without its audit event");
}

/**
 * Returns the secret to read for a caller whom only rules may allow it. Then the read asks for the path of the rule: a secret that is
 * renamed meanwhile is not found, and neither is another secret that gets the path.
 */
async function authorizeAtPath(
  deps: GetValueDeps,
  caller: Caller,
  input: SecretRefInput,
): Promise<{ grant: Grant<"versions.access">; ref: SecretRef; onlyId: string | undefined }> {
  const ref = refOf(deps, input);
  if (ref.by === "name") {
    const { region, name } = ref;
    const grant = authorizeAt(caller, "versions.access", { region, path: pathOf(name) });
    return { grant, ref, onlyId: undefined };
  }
  const { workspaceId } = authorizeSomewhere(caller, "versions.access");
  const secret = await findSecretOrFail(deps, deps.database, workspaceId, ref);
  const grant = authorizeFound(caller, "versions.access", secret);
  return { grant, ref: { by: "name", name: secret.path, region: secret.region }, onlyId: secret.secretId };
}

/** Resolves a reference. The audit event is durable by now. A failure is recorded by a second event. */
async function resolvedValue(
  deps: GetValueDeps,
  caller: Caller,
  { rule }: Grant<"versions.access">,
  sealed: SealedVersion,
  payload: Payload,
): Promise<RevealedValue> {
  try {
    return await resolveReference(deps, sealed, payload);
  } catch (error) {
    if (error instanceof CofferError) {
      const outcome = { decision: "ALLOW", rule, result: error.reason } as const;
      await deps.audit.record(auditEvent(deps, caller, outcome, subjectOf(sealed)));
    }
    throw error;
  }
}

interface Opened {
  payload: Payload;
  dek: UnwrappedDek;
}

/** Records a value that does not authenticate or is never returned, and fails. */
async function openOrReport(
  deps: GetValueDeps,
  caller: Caller,
  grant: Grant<"versions.access">,
  sealed: SealedVersion,
): Promise<Opened> {
  try {
    return await openFor(deps, caller, sealed);
  } catch (error) {
    if (error instanceof CofferError && error.reason === "NOT_REVEALABLE") {
      await deps.audit.record(denialEvent(deps, caller, error, subjectOf(sealed)));
    }
    return reportCorrupt(deps, caller, grant, subjectOf(sealed), error);
  }
}

/** Opens the value if the caller may have it. Fails as `getSecretValue` does. */
async function openFor(deps: GetValueDeps, caller: Caller, sealed: SealedVersion): Promise<Opened> {
  const { secret, version, policyTime } = sealed;
  if (policyTime) checkAccess(deps, caller, "versions.access", secret, policyTime);
  if (!secret.revealable) {
    throw new CofferError("NOT_REVEALABLE", "the value of this secret is never returned", { id: secret.secretId });
  }
  if (!version) throw secret.currentVersion === 0 ? noVersionEnabled() : versionNotFound();
  checkReadable(version);
  const dek = await unwrapSealed(deps, sealed).catch((error: unknown) => {
    // Its other versions must leave the memory too.
    if (error instanceof CofferError && error.reason === "KEY_NOT_ACTIVE")
      deps.openedVersions.dropKey(version.kmsKeyId);
    throw error;
  });
  using unopened = new DisposableStack();
  unopened.use(dek);
  const payload = dek.open(envelopeOf(sealed));
  unopened.move();
  return { payload, dek };
}

function factsOf({ secret, version }: SealedVersion): Facts {
  if (!version) throw versionNotFound();
  const { workspaceId, secretId } = secret;
  const { versionId, versionNumber, kmsKeyId, kmsKeyVersion } = version;
  return { workspaceId, secretId, versionId, versionNumber, kmsKeyId, kmsKeyVersion };
}

function subjectOf({ secret, version }: SealedVersion): AuditSubject {
  return { resourceType: "secret", resourceId: secret.secretId, versionNumber: version?.versionNumber ?? 0 };
}

function eventOf(deps: GetValueDeps, caller: Caller, { rule }: Grant<"versions.access">, result: string): AuditEvent {
  return auditEvent(deps, caller, { decision: "ALLOW", rule, result }, { resourceType: "secret", resourceId: "" });
}
