// Sandboxes, without what is bound to them.
import type { Sandbox } from "../domain/egress/sandbox.ts";
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";

type Texts = Readonly<Record<string, string>>;

/** The variables of a sandbox, sealed. */
export interface SealedEnvVars {
  envelope: Uint8Array;
  kmsKeyId: string;
  kmsKeyVersion: number;
}

/** A sandbox as stored; its mac covers what decides who may act for it, and where it may go. */
export interface StoredSandbox extends Sandbox {
  lookupId: string;
  tokenHash: Uint8Array;
  metadata: Texts;
  /** The names of its variables. */
  envKeys: readonly string[];
  /** Undefined when it has none. */
  env: SealedEnvVars | undefined;
  mac: Uint8Array;
}

export const sandboxColumns = `b.workspace_id, b.sandbox_id, b.name, b.lookup_id, b.token_hash, b.source_address, b.create_time, b.mac,
  b.metadata, b.network, b.env_keys, b.env_envelope, b.env_kms_key_id, b.env_kms_key_version`;

export interface SandboxRow {
  workspace_id: string;
  sandbox_id: string;
  name: string;
  lookup_id: string;
  token_hash: Uint8Array;
  source_address: string | null;
  create_time: Date;
  mac: Uint8Array;
  metadata: Record<string, string>;
  network: NonNullable<Sandbox["network"]> | null;
  env_keys: string[];
  env_envelope: Uint8Array | null;
  env_kms_key_id: string | null;
  env_kms_key_version: number | null;
}

export function toSandbox(row: SandboxRow): StoredSandbox {
  const { env_envelope: envelope, env_kms_key_id: kmsKeyId, env_kms_key_version: kmsKeyVersion } = row;
  const isSealed = envelope !== null && kmsKeyId !== null && kmsKeyVersion !== null;
  return {
    workspaceId: row.workspace_id,
    sandboxId: row.sandbox_id,
    name: row.name,
    lookupId: row.lookup_id,
    tokenHash: row.token_hash,
    sourceAddress: row.source_address ?? undefined,
    createTime: row.create_time,
    mac: row.mac,
    metadata: row.metadata,
    network: row.network ?? undefined,
    envKeys: row.env_keys,
    env: isSealed ? { envelope, kmsKeyId, kmsKeyVersion } : undefined,
  };
}

/** A sandbox without tags, limits and variables need not name them. */
export type NewSandbox = Pick<
  StoredSandbox,
  "workspaceId" | "sandboxId" | "name" | "lookupId" | "tokenHash" | "sourceAddress" | "mac"
> &
  Partial<Pick<StoredSandbox, "metadata" | "network" | "envKeys" | "env">>;

export async function insertSandbox(tx: Tx, sandbox: NewSandbox): Promise<StoredSandbox> {
  const { metadata = {}, network, envKeys = [], env } = sandbox;
  const rows = await tx.query<SandboxRow>({
    name: "insert_sandbox",
    text: `insert into sandbox as b (workspace_id, sandbox_id, name, lookup_id, token_hash, source_address, mac, metadata, network,
        env_keys, env_envelope, env_kms_key_id, env_kms_key_version)
      values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9::jsonb, $10, $11, $12, $13) returning ${sandboxColumns}`,
    values: [
      ...[sandbox.workspaceId, sandbox.sandboxId, sandbox.name, sandbox.lookupId, sandbox.tokenHash],
      ...[sandbox.sourceAddress ?? null, sandbox.mac, JSON.stringify(metadata)],
      ...[network ? JSON.stringify(network) : null, envKeys],
      ...[env ? Buffer.from(env.envelope) : null, env?.kmsKeyId ?? null, env?.kmsKeyVersion ?? null],
    ],
  });
  return toSandbox(only(rows));
}

/** Not a deleted one. */
export async function findSandbox(
  sql: Sql,
  workspaceId: string,
  sandboxId: string,
): Promise<StoredSandbox | undefined> {
  const rows = await sql.query<SandboxRow>({
    name: "find_sandbox",
    text: `select ${sandboxColumns} from sandbox b where b.workspace_id = $1 and b.sandbox_id = $2 and b.delete_time is null`,
    values: [workspaceId, sandboxId],
  });
  const row = firstOrUndefined(rows);
  return row && toSandbox(row);
}

/** Those after an id that have all of these tags, by id; no deleted ones. */
export async function listSandboxes(
  sql: Sql,
  workspaceId: string,
  { metadata, afterId, limit }: { metadata: Texts; afterId: string; limit: number },
): Promise<StoredSandbox[]> {
  const rows = await sql.query<SandboxRow>({
    name: "list_sandboxes",
    listOf: workspaceId,
    text: `select ${sandboxColumns} from sandbox b
      where b.workspace_id = $1 and b.sandbox_id > $2 and b.delete_time is null and b.metadata @> $4::jsonb
      order by b.sandbox_id limit $3`,
    values: [workspaceId, afterId, limit, JSON.stringify(metadata)],
  });
  return rows.map(toSandbox);
}

/** All that have all of these tags, newest first; no deleted ones. */
export async function listAllSandboxes(sql: Sql, workspaceId: string, metadata: Texts): Promise<StoredSandbox[]> {
  const rows = await sql.query<SandboxRow>({
    name: "list_all_sandboxes",
    listOf: workspaceId,
    text: `select ${sandboxColumns} from sandbox b
      where b.workspace_id = $1 and b.delete_time is null and b.metadata @> $2::jsonb order by b.sandbox_id desc`,
    values: [workspaceId, JSON.stringify(metadata)],
  });
  return rows.map(toSandbox);
}

/** Holds the row until the transaction ends; not a deleted one. */
export async function lockSandbox(tx: Tx, workspaceId: string, sandboxId: string): Promise<StoredSandbox | undefined> {
  const rows = await tx.query<SandboxRow>({
    name: "lock_sandbox",
    text: `select ${sandboxColumns} from sandbox b
      where b.workspace_id = $1 and b.sandbox_id = $2 and b.delete_time is null for no key update`,
    values: [workspaceId, sandboxId],
  });
  const row = firstOrUndefined(rows);
  return row && toSandbox(row);
}

/** Writes the token, the tags and the limits of a sandbox that is locked, with the MAC of its row. */
export async function updateSandbox(
  tx: Tx,
  sandbox: Pick<StoredSandbox, "workspaceId" | "sandboxId" | "lookupId" | "tokenHash" | "metadata" | "network" | "mac">,
): Promise<void> {
  const { workspaceId, sandboxId, lookupId, tokenHash, metadata, network, mac } = sandbox;
  await tx.query({
    name: "update_sandbox",
    text: `update sandbox b set lookup_id = $3, token_hash = $4, metadata = $5::jsonb, network = $6::jsonb, mac = $7
      where b.workspace_id = $1 and b.sandbox_id = $2 and b.delete_time is null`,
    values: [
      ...[workspaceId, sandboxId, lookupId, tokenHash],
      ...[JSON.stringify(metadata), network ? JSON.stringify(network) : null, mac],
    ],
  });
}

/**
 * From now on its token is worth nothing, also if somebody clears delete_time with SQL, and its variables are gone. Its events stay.
 */
export async function deleteSandbox(tx: Tx, workspaceId: string, sandboxId: string): Promise<void> {
  await tx.query({
    name: "delete_sandbox",
    text: `update sandbox b set delete_time = clock_timestamp(), mac = '', env_envelope = null
      where b.workspace_id = $1 and b.sandbox_id = $2 and b.delete_time is null`,
    values: [workspaceId, sandboxId],
  });
}
