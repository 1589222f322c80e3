// Changes the kind and auth method of a secret.
import type { Secret } from "../domain/secret/secret.ts";
import { clock } from "./clock.ts";
import { only } from "./connection/single-row.ts";
import type { Tx } from "./database.ts";
import { secretColumnsByClock, toSecret } from "./rows/secret.ts";
import type { DriverRow } from "./rows/select.ts";

/** Writes the kind and the method. The credential becomes due for a try. */
export async function updateCredential(
  tx: Tx,
  secret: Pick<Secret, "workspaceId" | "secretId" | "kind" | "authMethod"> & { credentialMac: Uint8Array },
): Promise<Secret> {
  const rows = await tx.query<DriverRow>({
    name: "update_credential",
    text: `update secret s set
        kind = $3, auth_method = $4, credential_mac = $5, validation_state = 'UNSPECIFIED', validation_version = 0,
        validate_time = null, validation_error = '', validation_failures = 0, validate_after = t.at,
        validation_lease = null
      from ${clock} where s.workspace_id = $1 and s.secret_id = $2 returning ${secretColumnsByClock}`,
    values: [secret.workspaceId, secret.secretId, secret.kind, secret.authMethod, Buffer.from(secret.credentialMac)],
  });
  return toSecret(only(rows));
}

/** Returns `credential_mac` of the secret; empty if it has none. */
export async function findCredentialMac(
  tx: Tx,
  { workspaceId, secretId }: Pick<Secret, "workspaceId" | "secretId">,
): Promise<Uint8Array> {
  const rows = await tx.query<{ credential_mac: Uint8Array | null }>({
    name: "find_credential_mac",
    text: "select s.credential_mac from secret s where s.workspace_id = $1 and s.secret_id = $2",
    values: [workspaceId, secretId],
  });
  return only(rows).credential_mac ?? new Uint8Array();
}
