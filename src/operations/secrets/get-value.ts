// GetSecretValue: opens one version, and lets its value leave only when the audit event is durable.

import type { Grant } from "../../domain/access/grant.ts";
import type { AuditEvent, AuditSubject } from "../../domain/audit/audit-event.ts";
import { CofferError } from "../../domain/error/errors.ts";
import type { Payload } from "../../domain/secret/payload.ts";
import { type SecretRef, secretNotFound } from "../../domain/secret/secret.ts";
import { checkReadable, noVersionEnabled, parseVersionRef, versionNotFound } from "../../domain/secret/version.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { denialEvent } from "../../runtime/audit-denials.ts";
import { auditEvent } from "../../runtime/audit-trail.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorizeFound, authorizeSomewhere, dependsOnPath } from "../../steps/authorize.ts";
import { resolveReference } from "../../steps/external-vaults/resolve-reference.ts";
import { authorizeSecret } from "../../steps/secrets/authorize-secret.ts";
import { checkAccess } from "../../steps/secrets/check-access.ts";
import { findSecretOrFail } from "../../steps/secrets/find.ts";
import { openSealed, type RevealedValue, reveal } from "../../steps/secrets/open-sealed.ts";
import { reportCorrupt } from "../../steps/secrets/report-corrupt.ts";
import { refOf, type SecretRefInput } from "../../steps/secrets/secret-ref.ts";
import type { SealedVersion } from "../../store/read-values.ts";

export type GetValueDeps = Pick<
  Deps,
  | "valueReader"
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
  const { grant, ref, onlyId } = await authorizeRead(deps, caller, input.secret);
  const event = eventOf(deps, caller, grant, "OK");
  const sealed = await deps.valueReader.read({ grant, secret: ref, version: parseVersionRef(input.version), event });
  if (!sealed) throw secretNotFound();
  if (onlyId !== undefined && sealed.secret.secretId !== onlyId) throw secretNotFound();
  const payload = await openOrReport(deps, caller, grant, sealed);
  using unanswered = new DisposableStack();
  unanswered.use(payload.bytes);
  // Reads of secrets with an access policy are not audited by the SELECT; record the event here.
  if (sealed.policyTime) await deps.audit.record({ ...event, ...subjectOf(sealed) });
  else if (!sealed.isRecorded) throw new Error("a value is about to leave without its audit event");
  const opened = { ...factsOf(sealed), value: await resolvedValue(deps, caller, grant, sealed, payload) };
  if (sealed.version) deps.accessTimes.touch(sealed.secret, sealed.version);
  // The answer holds the bytes of the payload, unless they are only a reference.
  if (payload.form !== "reference") unanswered.move();
  return opened;
}

/**
 * Returns the secret to read. If only a rule at its path allows it, the read asks for that path: a secret that is renamed meanwhile is
 * not found, and neither is another secret that gets the path.
 */
async function authorizeRead(
  deps: GetValueDeps,
  caller: Caller,
  input: SecretRefInput,
): Promise<{ grant: Grant<"versions.access">; ref: SecretRef; onlyId?: string }> {
  if (!("id" in input) || !dependsOnPath(caller, "versions.access")) {
    const grant = await authorizeSecret(deps, caller, "versions.access", input);
    return { grant, ref: refOf(deps, input) };
  }
  const { workspaceId } = authorizeSomewhere(caller, "versions.access");
  const secret = await findSecretOrFail(deps, deps.database, workspaceId, { by: "id", secretId: input.id });
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
  if (payload.form !== "reference") return reveal(payload);
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

/** Records a value that does not authenticate or is never returned, and fails. */
async function openOrReport(
  deps: GetValueDeps,
  caller: Caller,
  grant: Grant<"versions.access">,
  sealed: SealedVersion,
): Promise<Payload> {
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
async function openFor(deps: GetValueDeps, caller: Caller, sealed: SealedVersion): Promise<Payload> {
  const { secret, version, policyTime } = sealed;
  if (policyTime) checkAccess(deps, caller, "versions.access", secret, policyTime);
  if (!secret.revealable) {
    throw new CofferError("NOT_REVEALABLE", "the value of this secret is never returned", { id: secret.secretId });
  }
  if (!version) throw secret.currentVersion === 0 ? noVersionEnabled() : versionNotFound();
  checkReadable(version);
  return openSealed(deps, sealed);
}

function factsOf({ secret, version }: SealedVersion): Omit<SecretValue, "value"> {
  if (!version) throw versionNotFound();
  const { versionNumber, kmsKeyId, kmsKeyVersion } = version;
  return { secretId: secret.secretId, versionNumber, kmsKeyId, kmsKeyVersion };
}

function subjectOf({ secret, version }: SealedVersion): AuditSubject {
  return { resourceType: "secret", resourceId: secret.secretId, versionNumber: version?.versionNumber ?? 0 };
}

function eventOf(deps: GetValueDeps, caller: Caller, { rule }: Grant<"versions.access">, result: string): AuditEvent {
  return auditEvent(deps, caller, { decision: "ALLOW", rule, result }, { resourceType: "secret", resourceId: "" });
}
