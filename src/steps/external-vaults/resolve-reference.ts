// Resolves the references of a version at its vault. The vault is asked each time, and values are never stored.

import type { Payload } from "../../domain/secret/payload.ts";
import type { Sensitive } from "../../domain/sensitive.ts";
import { valueCorrupt } from "../../envelope/corrupt.ts";
import { decodeKeyValues } from "../../envelope/payload.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { SealedVersion } from "../../store/read-values.ts";
import { findConnectionOrFail } from "./find.ts";
import { type OpenConnectionDeps, openConnection } from "./open-connection.ts";
import { referenceFailed } from "./vault-errors.ts";

export type ResolveDeps = OpenConnectionDeps & Pick<Deps, "externalVaults">;

/**
 * Returns the parts by name. Call it only after the audit event is durable. Fails with VAULT_CONNECTION_NOT_FOUND, KEY_NOT_ACTIVE,
 * VALUE_CORRUPT, or with `referenceFailed` for the first field that could not be resolved.
 */
export async function resolveReference(
  deps: ResolveDeps,
  { secret: { workspaceId }, version }: SealedVersion,
  payload: Payload,
): Promise<{ form: "key_values"; values: ReadonlyMap<string, Sensitive> }> {
  if (version?.vaultConnectionId === undefined) throw valueCorrupt();
  const mappings = mappingsOf(payload);
  const connection = await findConnectionOrFail(deps.database, workspaceId, version.vaultConnectionId);
  const opened = await openConnection(deps, connection);
  const references = [...new Set(mappings.map(([, reference]) => reference))];
  const resolutions = await deps.externalVaults.resolve(opened, references);
  const values = mappings.map(([field, reference]): [string, Sensitive] => {
    const resolution = resolutions.get(reference);
    if (!resolution) throw new Error("the vaults leave a reference out");
    if ("value" in resolution) return [field, resolution.value];
    throw referenceFailed(connection, field, resolution);
  });
  return { form: "key_values", values: new Map(values) };
}

/** Returns the vault's name of each part of the value. */
export function mappingsOf({ bytes }: Payload): (readonly [field: string, reference: string])[] {
  return [...decodeKeyValues(bytes)].map(([field, reference]) => [field, Buffer.from(reference).toString("utf8")]);
}
