// Rewraps the credentials of vault connections under the primary version of their key.
import type { KmsKey } from "../domain/key/kms-key.ts";
import { only } from "./connection/single-row.ts";
import type { Tx } from "./database.ts";
import type { RewrappedVersion, VersionToRewrap } from "./rewrap.ts";

type PrimaryVersion = Pick<KmsKey, "workspaceId" | "kmsKeyId" | "primaryVersion">;

/** A connection of a workspace `c`, under key $2, that its primary version $3 does not wrap. */
const isLeft = "(c.kms_key_id = $2 and c.kms_key_version < $3)";
const atOnceMax = 500;

/** Locks some of those that are left, and returns them in the form of secret versions: they are sealed in the same way. Skips locked rows. */
export async function lockConnectionsToRewrap(
  tx: Tx,
  { workspaceId, kmsKeyId, primaryVersion }: PrimaryVersion,
): Promise<VersionToRewrap[]> {
  const rows = await tx.query<{
    vault_connection_id: string;
    credentials_version: number;
    kms_key_version: number;
    envelope: Uint8Array;
  }>({
    name: "lock_connections_to_rewrap",
    text: `select c.vault_connection_id, c.credentials_version, c.kms_key_version, c.envelope from vault_connection c
      where c.workspace_id = $1 and ${isLeft} limit $4 for no key update skip locked`,
    values: [workspaceId, kmsKeyId, primaryVersion, atOnceMax],
  });
  return rows.map((row) => ({
    secretId: row.vault_connection_id,
    versionNumber: row.credentials_version,
    kmsKeyVersion: row.kms_key_version,
    payloadForm: "key_values",
    envelope: row.envelope,
  }));
}

/** Replaces the envelopes of locked connections. Etags stay the same: callers see no change. */
export async function replaceConnectionEnvelopes(
  tx: Tx,
  { workspaceId, primaryVersion }: PrimaryVersion,
  connections: readonly RewrappedVersion[],
): Promise<void> {
  await tx.query({
    name: "replace_connection_envelopes",
    text: `update vault_connection c set envelope = d.envelope, kms_key_version = $2
      from unnest($3::text[], $4::bytea[]) as d (vault_connection_id, envelope)
      where c.workspace_id = $1 and c.vault_connection_id = d.vault_connection_id`,
    values: [
      ...[workspaceId, primaryVersion],
      connections.map(({ secretId }) => secretId),
      connections.map(({ envelope }) => Buffer.from(envelope)),
    ],
  });
}

/** Returns how many are left. */
export async function countConnectionsToRewrap(
  tx: Tx,
  { workspaceId, kmsKeyId, primaryVersion }: PrimaryVersion,
): Promise<number> {
  const rows = await tx.query<{ count: number }>({
    name: "count_connections_to_rewrap",
    text: `select count(*)::integer as count from vault_connection c where c.workspace_id = $1 and ${isLeft}`,
    values: [workspaceId, kmsKeyId, primaryVersion],
  });
  return only(rows).count;
}
