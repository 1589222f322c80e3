// Rewraps the variables of sandboxes under the primary version of their key.
import type { KmsKey } from "../domain/key/kms-key.ts";
import { only } from "./connection/single-row.ts";
import type { Tx } from "./database.ts";
import type { RewrappedVersion, VersionToRewrap } from "./rewrap.ts";

type PrimaryVersion = Pick<KmsKey, "workspaceId" | "kmsKeyId" | "primaryVersion">;

/** A sandbox of a workspace `b`, whose variables are under key $2 and not wrapped by its primary version $3. */
const isLeft = "(b.env_kms_key_id = $2 and b.env_kms_key_version < $3 and b.env_envelope is not null)";
const atOnceMax = 2_000;

/** Locks some of those that are left, and returns them in the form of secret versions: they are sealed in the same way. Skips locked rows. */
export async function lockSandboxesToRewrap(
  tx: Tx,
  { workspaceId, kmsKeyId, primaryVersion }: PrimaryVersion,
): Promise<VersionToRewrap[]> {
  const rows = await tx.query<{ sandbox_id: string; env_kms_key_version: number; env_envelope: Uint8Array }>({
    name: "lock_sandboxes_to_rewrap",
    text: `select b.sandbox_id, b.env_kms_key_version, b.env_envelope from sandbox b
      where b.workspace_id = $1 and ${isLeft} limit $4 for no key update skip locked`,
    values: [workspaceId, kmsKeyId, primaryVersion, atOnceMax],
  });
  return rows.map((row) => ({
    secretId: row.sandbox_id,
    versionNumber: 1,
    kmsKeyVersion: row.env_kms_key_version,
    payloadForm: "key_values",
    envelope: row.env_envelope,
  }));
}

/** Replaces the envelopes of locked sandboxes. */
export async function replaceSandboxEnvelopes(
  tx: Tx,
  { workspaceId, primaryVersion }: PrimaryVersion,
  sandboxes: readonly RewrappedVersion[],
): Promise<void> {
  await tx.query({
    name: "replace_sandbox_envelopes",
    text: `update sandbox b set env_envelope = d.envelope, env_kms_key_version = $2
      from unnest($3::text[], $4::bytea[]) as d (sandbox_id, envelope)
      where b.workspace_id = $1 and b.sandbox_id = d.sandbox_id`,
    values: [
      ...[workspaceId, primaryVersion],
      sandboxes.map(({ secretId }) => secretId),
      sandboxes.map(({ envelope }) => Buffer.from(envelope)),
    ],
  });
}

/** Returns how many are left. */
export async function countSandboxesToRewrap(
  tx: Tx,
  { workspaceId, kmsKeyId, primaryVersion }: PrimaryVersion,
): Promise<number> {
  const rows = await tx.query<{ count: number }>({
    name: "count_sandboxes_to_rewrap",
    text: `select count(*)::integer as count from sandbox b where b.workspace_id = $1 and ${isLeft}`,
    values: [workspaceId, kmsKeyId, primaryVersion],
  });
  return only(rows).count;
}
