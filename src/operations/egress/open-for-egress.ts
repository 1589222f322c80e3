// Opens the value that the proxy writes into a request, or reads it from its external vault, after an audit event is durable.
import { isUtf8 } from "node:buffer";
import type { EgressBinding, EgressSandbox } from "../../domain/egress/sandbox.ts";
import { CofferError } from "../../domain/error/errors.ts";
import { newId } from "../../domain/ids.ts";
import { secretNotFound } from "../../domain/secret/secret.ts";
import { checkReadable } from "../../domain/secret/version.ts";
import { Sensitive } from "../../domain/sensitive.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorizeSystem } from "../../steps/authorize.ts";
import { resolveReference } from "../../steps/external-vaults/resolve-reference.ts";
import { openSealed, reveal } from "../../steps/secrets/open-sealed.ts";
import { readSealedVersionForUse } from "../../store/read-for-use.ts";

export type OpenForEgressDeps = Pick<
  Deps,
  "database" | "keyMaterial" | "deploymentId" | "deploymentKeys" | "audit" | "externalVaults" | "now" | "random"
>;

export interface OpenedForEgress {
  value: Sensitive;
  /** The value comes from an external vault. */
  isReference: boolean;
}

/** Fails with SECRET_NOT_FOUND, VERSION_*, KEY_NOT_ACTIVE, VALUE_FORM_UNSUPPORTED, VALUE_CORRUPT, AUDIT_UNAVAILABLE or as resolveReference does. */
export async function openForEgress(
  deps: OpenForEgressDeps,
  sandbox: EgressSandbox,
  { secretId, currentVersion }: Pick<EgressBinding, "secretId" | "currentVersion">,
  request: { requestId: string; address: string },
): Promise<OpenedForEgress> {
  const { workspaceId, sandboxId } = sandbox;
  const grant = authorizeSystem(workspaceId, "secrets.use");
  const sealed = await readSealedVersionForUse(deps.database, grant, secretId, currentVersion);
  if (!sealed?.version) throw secretNotFound();
  checkReadable(sealed.version);
  const eventOf = (result: string) => ({
    eventId: newId("aud", deps.now(), deps.random),
    workspaceId,
    requestId: request.requestId,
    principalId: sandboxId,
    tokenId: sandboxId,
    method: "egress/open",
    decision: "ALLOW" as const,
    rule: "egress_rule",
    address: request.address,
    userAgent: "",
    result,
    occurrences: 1,
    resourceType: "secret" as const,
    resourceId: secretId,
    versionNumber: currentVersion,
  });
  await deps.audit.record(eventOf("OK"));
  try {
    const payload = await openSealed(deps, sealed);
    using _bytes = payload.bytes;
    const isReference = payload.form === "reference";
    const revealed = isReference ? await resolveReference(deps, sealed, payload) : reveal(payload);
    const value = revealed.form === "data" ? revealed.data : revealed.values.get("value");
    if (value && !isUtf8(value.reveal())) throw unfit(secretId, "the value is not text");
    // A copy: calls that ask for the same reference share the bytes, and those of a payload are overwritten here.
    if (value) return { value: new Sensitive(Uint8Array.from(value.reveal())), isReference };
    throw unfit(secretId, "the value has no part named `value`");
  } catch (error) {
    if (error instanceof CofferError) await deps.audit.record(eventOf(error.reason));
    throw error;
  }
}

function unfit(id: string, why: string): CofferError {
  return new CofferError("VALUE_FORM_UNSUPPORTED", why, { id });
}
