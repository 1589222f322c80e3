// Taken paths: an expired secret gives its path up, an active one is named in the error.
import type { Caller } from "../../domain/caller.ts";
import { CofferError } from "../../domain/errors.ts";
import type { Database } from "../../store/database.ts";
import { isUniqueViolation } from "../../store/database-errors.ts";
import { findActiveIdByPath, settleExpired } from "../../store/secrets.ts";
import { holds } from "../authorize.ts";

interface Place {
  workspaceId: string;
  region: string;
  path: string;
}

/** Runs a change that needs the path to be free. Fails with NAME_TAKEN, with the blocking id for who may list secrets. */
export async function withFreePath<T>(
  { database }: { database: Database },
  caller: Caller,
  place: Place,
  change: () => Promise<T>,
): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (!isPathTaken(error)) throw error;
  }
  await settleExpired(database, place);
  try {
    return await change();
  } catch (error) {
    if (!isPathTaken(error)) throw error;
    throw await nameTaken(database, caller, place, error);
  }
}

function isPathTaken(error: unknown): boolean {
  return isUniqueViolation(error, "secret_active_path");
}

async function nameTaken(database: Database, caller: Caller, place: Place, cause: unknown): Promise<CofferError> {
  const message = `an active secret has the path ${place.path} already`;
  const id = holds(caller, "secrets.list") ? await findActiveIdByPath(database, place) : undefined;
  if (id === undefined) return new CofferError("NAME_TAKEN", message, { path: place.path }, { cause });
  return new CofferError(
    "NAME_TAKEN",
    message,
    { path: place.path, id },
    { cause, resource: { type: "secret", name: id } },
  );
}
