// Opens the credential of a secret to try it at its service, after the audit event is durable.

import type { Grant } from "../../domain/access/grant.ts";
import type { AuditEvent } from "../../domain/audit/audit-event.ts";
import { CofferError } from "../../domain/error/errors.ts";
import { secretNotFound } from "../../domain/secret/secret.ts";
import { checkReadable } from "../../domain/secret/version.ts";
import { checkAuthentic, coveredOfCredential } from "../../integrity/row-macs.ts";
import type { CredentialParts } from "../../probes/probe.ts";
import type { Deps } from "../../runtime/deps.ts";
import { readSealedVersionForUse } from "../../store/read-for-use.ts";
import type { ValidationClaim } from "../../store/validations.ts";
import { resolveReference } from "../external-vaults/resolve-reference.ts";
import { openSealed, type RevealedValue, reveal } from "../secrets/open-sealed.ts";
import { noteReported } from "../secrets/report-corrupt.ts";

export type OpenCredentialDeps = Pick<
  Deps,
  "database" | "keyMaterial" | "deploymentId" | "deploymentKeys" | "audit" | "now" | "random" | "externalVaults"
>;

/** The opener of the credential, for the audit trail. */
export interface Opener {
  grant: Grant<"secrets.use">;
  /** Returns a new audit event with this result. */
  eventOf(result: string): AuditEvent;
}

/** Fails with SECRET_NOT_FOUND, VERSION_*, KEY_NOT_ACTIVE, VALUE_CORRUPT, AUDIT_UNAVAILABLE or as resolveReference does. */
export async function openCredential(
  deps: OpenCredentialDeps,
  { grant, eventOf }: Opener,
  claim: ValidationClaim,
): Promise<CredentialParts> {
  const { secretId, currentVersion, credentialFields } = claim;
  const sealed = await readSealedVersionForUse(deps.database, grant, secretId, currentVersion);
  if (!sealed?.version) throw secretNotFound();
  checkReadable(sealed.version);
  try {
    checkAuthentic(deps.deploymentKeys, coveredOfCredential(claim), claim.credentialMac ?? new Uint8Array());
    await deps.audit.record(eventOf("OK"));
    const payload = await openSealed(deps, sealed);
    using _bytes = payload.bytes;
    const value = payload.form === "reference" ? await resolveReference(deps, sealed, payload) : reveal(payload);
    return new Map([...Object.entries(credentialFields), ...partsOf(value)]);
  } catch (error) {
    if (error instanceof CofferError && error.reason === "VALUE_CORRUPT") {
      noteReported(error);
      await deps.audit.record(eventOf(error.reason));
    }
    throw error;
  }
}

function partsOf(value: RevealedValue): [string, string][] {
  const parts = value.form === "data" ? [["value", value.data] as const] : [...value.values];
  return parts.map(([name, part]) => [name, Buffer.from(part.reveal()).toString("utf8")]);
}
