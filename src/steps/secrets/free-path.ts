// Frees a path that an expired secret holds, and names the active secret that holds it otherwise.

import type { SecretLocation } from "../../domain/access/access-rule.ts";
import { CofferError } from "../../domain/error/errors.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { auditEvent } from "../../runtime/audit-trail.ts";
import type { Deps } from "../../runtime/deps.ts";
import { insertAuditEvents } from "../../store/audit-events.ts";
import { isUniqueViolation } from "../../store/connection/database-errors.ts";
import type { Database } from "../../store/database.ts";
import { lockExpiredAtPath } from "../../store/expired-secrets.ts";
import { findSecret } from "../../store/find-secrets.ts";
import { holdsFor } from "../authorize.ts";
import { settleExpired } from "./settle-expired.ts";

interface PathInWorkspace extends SecretLocation {
  workspaceId: string;
}

type FreePathDeps = Pick<Deps, "database" | "deploymentKeys" | "now" | "random">;

/** Runs a change that requires a free path. If an expired secret has the path, stores its expiry and runs the change again. Fails with NAME_TAKEN. */
export async function freeExpiredPathAndRetry<T>(
  deps: FreePathDeps,
  caller: Caller,
  findLocation: () => Promise<PathInWorkspace>,
  change: () => Promise<T>,
): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (!isPathTaken(error)) throw error;
  }
  const location = await findLocation();
  await settle(deps, caller, location);
  try {
    return await change();
  } catch (error) {
    if (!isPathTaken(error)) throw error;
    throw await nameTaken(deps.database, caller, location, error);
  }
}

async function settle(deps: FreePathDeps, caller: Caller, location: PathInWorkspace): Promise<void> {
  const outcome = { decision: "ALLOW", rule: "expired", workspaceId: location.workspaceId } as const;
  await deps.database.transaction(async (tx) => {
    const { sound, tampered } = await settleExpired(deps, tx, await lockExpiredAtPath(tx, location));
    const eventsOf = (secrets: typeof sound, result: string) =>
      secrets.map(({ secretId: resourceId }) =>
        auditEvent(deps, caller, { ...outcome, result }, { resourceType: "secret", resourceId }),
      );
    await insertAuditEvents(tx, [...eventsOf(sound, "OK"), ...eventsOf(tampered, "VALUE_CORRUPT")]);
  });
}

function isPathTaken(error: unknown): boolean {
  return isUniqueViolation(error, "secret_active_path");
}

async function nameTaken(
  database: Database,
  caller: Caller,
  location: PathInWorkspace,
  cause: unknown,
): Promise<CofferError> {
  const message = `an active secret has the path ${location.path} already`;
  const { workspaceId, region, path: name } = location;
  const blocking = await findSecret(database, workspaceId, { by: "name", name, region });
  const id = blocking && holdsFor(caller, "secrets.list", blocking) ? blocking.secretId : undefined;
  if (id === undefined) return new CofferError("NAME_TAKEN", message, { path: location.path }, { cause });
  return new CofferError(
    "NAME_TAKEN",
    message,
    { path: location.path, id },
    { cause, resource: { type: "secret", name: id } },
  );
}
