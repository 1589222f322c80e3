// Opens the value that the proxy writes into a request: after an audit event is durable, and kept for no longer than a change may take.
import type { Deps } from "../../deps.ts";
import type { JudgedBinding, JudgedSandbox } from "../../domain/egress/sandbox.ts";
import { CofferError } from "../../domain/errors.ts";
import { newId } from "../../domain/ids.ts";
import { secretNotFound } from "../../domain/secret.ts";
import type { Sensitive } from "../../domain/sensitive.ts";
import { checkReadable } from "../../domain/version.ts";
import { readSealedVersionForUse } from "../../store/read-for-use.ts";
import { authorizeSystem } from "../authorize.ts";
import { openSealed, reveal } from "../secrets/get-value.ts";

export type OpenForEgressDeps = Pick<
  Deps,
  "database" | "keyMaterial" | "deploymentId" | "deploymentKeys" | "audit" | "now" | "random"
>;

/** Fails with SECRET_NOT_FOUND, VERSION_*, KEY_NOT_ACTIVE, VALUE_FORM_UNSUPPORTED (a reference too), VALUE_CORRUPT or AUDIT_UNAVAILABLE. */
export async function openForEgress(
  deps: OpenForEgressDeps,
  sandbox: JudgedSandbox,
  { secretId, currentVersion }: Pick<JudgedBinding, "secretId" | "currentVersion">,
  request: { requestId: string; address: string },
): Promise<Sensitive> {
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
    const value = reveal(await openSealed(deps, sealed));
    const whole = value.form === "data" ? value.data : value.values.get("value");
    if (whole) return whole;
    throw new CofferError("VALUE_FORM_UNSUPPORTED", "the value is made of parts, of which none is `value`", {
      id: secretId,
    });
  } catch (error) {
    if (error instanceof CofferError && error.reason === "VALUE_CORRUPT")
      await deps.audit.record(eventOf(error.reason));
    throw error;
  }
}
