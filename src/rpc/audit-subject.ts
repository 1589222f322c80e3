// What a request asks for, as far as it says so itself: for the audit event of a call that got no further.
import type { StreamRequest, UnaryRequest } from "@connectrpc/connect";
import type { AuditSubject } from "../domain/audit/audit-event.ts";

const resourceTypes: Readonly<Record<string, AuditSubject["resourceType"]>> = {
  AccessService: "access_rule",
  ExternalVaultService: "vault_connection",
  EgressService: "sandbox",
  KeyService: "kms_key",
  SandboxService: "sandbox",
  SecretService: "secret",
  SecretVersionService: "secret",
  TokenService: "api_token",
  WorkspaceService: "workspace",
};

/** Where a method is about something else than its service. */
const typesOfMethods: typeof resourceTypes = { SetAccessPolicy: "secret" };

const lengthMax = 512;

/** The id or name in the request, as the caller wrote it. */
export function askedSubject(req: UnaryRequest | StreamRequest): AuditSubject {
  const resourceType = typesOfMethods[req.method.name] ?? resourceTypes[req.service.name] ?? "none";
  const { sandboxId, id, name, path, urlPath, identity, secret, key, vaultConnection, workspaceId } = req.message as {
    sandboxId?: unknown;
    id?: unknown;
    name?: unknown;
    path?: unknown;
    urlPath?: unknown;
    identity?: unknown;
    secret?: { id?: unknown; value?: unknown };
    key?: { id?: unknown };
    vaultConnection?: { id?: unknown };
    workspaceId?: unknown;
  };
  // A path in a URL is without its leading slash.
  const inUrl = typeof urlPath === "string" && urlPath !== "" ? `/${urlPath}` : undefined;
  const asked = [
    // The secret that is to be bound is named besides.
    sandboxId,
    id,
    secret?.value,
    secret?.id,
    key?.id,
    vaultConnection?.id,
    inUrl,
    path,
    identity,
    name,
    workspaceId,
  ].find((text) => typeof text === "string" && text !== "");
  // The audit trail is text in Postgres, which has no place for U+0000.
  const resourceId = typeof asked === "string" ? asked.replaceAll("\0", "").slice(0, lengthMax) : "";
  return { resourceType, resourceId: resourceId.toWellFormed() };
}
