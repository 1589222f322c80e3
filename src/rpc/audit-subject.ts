// What a request asks for, as far as it says so itself: for the audit event of a call that got no further.
import type { StreamRequest, UnaryRequest } from "@connectrpc/connect";
import type { AuditSubject } from "../domain/audit-event.ts";

const resourceTypes: Readonly<Record<string, AuditSubject["resourceType"]>> = {
  ExternalVaultService: "vault_connection",
  AccessService: "secret",
  KeyService: "kms_key",
  SecretService: "secret",
  SecretVersionService: "secret",
  TokenService: "api_token",
  WorkspaceService: "workspace",
};

const lengthMax = 512;

/** The id or name in the request, as the caller wrote it. */
export function askedSubject(req: UnaryRequest | StreamRequest): AuditSubject {
  const resourceType = resourceTypes[req.service.name] ?? "none";
  const { id, name, secret, key, vaultConnection, workspaceId } = req.message as {
    id?: unknown;
    name?: unknown;
    secret?: { id?: unknown; value?: unknown };
    key?: { id?: unknown };
    vaultConnection?: { id?: unknown };
    workspaceId?: unknown;
  };
  const asked = [id, secret?.value, secret?.id, key?.id, vaultConnection?.id, name, workspaceId].find(
    (text) => typeof text === "string" && text !== "",
  );
  // The audit trail is text in Postgres, which has no place for U+0000.
  const resourceId = typeof asked === "string" ? asked.replaceAll("\0", "").slice(0, lengthMax) : "";
  return { resourceType, resourceId: resourceId.toWellFormed() };
}
