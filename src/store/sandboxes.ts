// Reads and writes sandboxes without their bindings.
import { firstOrUndefined, only } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { type SandboxRow, sandboxTable } from "./rows/sandbox.ts";
import { type DriverRow, select } from "./rows/select.ts";
import { propertiesBut } from "./rows/table.ts";
import { write } from "./rows/write.ts";

type Texts = Readonly<Record<string, string>>;

/** The variables of a sandbox, sealed. */
export interface SealedEnvVars {
  envelope: Uint8Array;
  kmsKeyId: string;
  kmsKeyVersion: number;
}

/** A sandbox with the columns that its MAC covers, and its variables. */
export interface StoredSandbox extends Omit<SandboxRow, "envEnvelope" | "envKmsKeyId" | "envKmsKeyVersion"> {
  /** Undefined when it has no variables. */
  env: SealedEnvVars | undefined;
}

/** The columns of `sandbox b` that make a StoredSandbox. */
export const storedSandbox = select(sandboxTable, propertiesBut(sandboxTable));

export function toSandbox(row: DriverRow): StoredSandbox {
  const {
    envEnvelope: envelope,
    envKmsKeyId: kmsKeyId,
    envKmsKeyVersion: kmsKeyVersion,
    ...sandbox
  } = storedSandbox.read(row);
  const isSealed = envelope !== undefined && kmsKeyId !== undefined && kmsKeyVersion !== undefined;
  return { ...sandbox, env: isSealed ? { envelope, kmsKeyId, kmsKeyVersion } : undefined };
}

const newSandboxes = write(sandboxTable, propertiesBut(sandboxTable, "createTime"));

/** Tags, limits and variables are optional. */
export type NewSandbox = Pick<
  StoredSandbox,
  "workspaceId" | "sandboxId" | "name" | "lookupId" | "tokenHash" | "sourceAddress" | "mac"
> &
  Partial<Pick<StoredSandbox, "metadata" | "network" | "envKeys" | "env">>;

export async function insertSandbox(tx: Tx, sandbox: NewSandbox): Promise<StoredSandbox> {
  const { metadata = {}, network, envKeys = [], env } = sandbox;
  const rows = await tx.query<DriverRow>({
    name: "insert_sandbox",
    text: `${newSandboxes.insert()} returning ${storedSandbox.sql}`,
    values: newSandboxes.values({
      ...sandbox,
      ...{ metadata, network, envKeys },
      envEnvelope: env && Buffer.from(env.envelope),
      envKmsKeyId: env?.kmsKeyId,
      envKmsKeyVersion: env?.kmsKeyVersion,
    }),
  });
  return toSandbox(only(rows));
}

/** Finds a sandbox that is not deleted. */
export async function findSandbox(
  sql: Sql,
  workspaceId: string,
  sandboxId: string,
): Promise<StoredSandbox | undefined> {
  const rows = await sql.query<DriverRow>({
    name: "find_sandbox",
    text: `select ${storedSandbox.sql} from sandbox b where b.workspace_id = $1 and b.sandbox_id = $2 and b.delete_time is null`,
    values: [workspaceId, sandboxId],
  });
  const row = firstOrUndefined(rows);
  return row && toSandbox(row);
}

/** Returns the next `limit` sandboxes after an id that have all of these tags, by id, without deleted ones. */
export async function listSandboxes(
  sql: Sql,
  workspaceId: string,
  { metadata, afterId, limit }: { metadata: Texts; afterId: string; limit: number },
): Promise<StoredSandbox[]> {
  const rows = await sql.query<DriverRow>({
    name: "list_sandboxes",
    listOf: workspaceId,
    text: `select ${storedSandbox.sql} from sandbox b
      where b.workspace_id = $1 and b.sandbox_id > $2 and b.delete_time is null and b.metadata @> $4::jsonb
      order by b.sandbox_id limit $3`,
    values: [workspaceId, afterId, limit, JSON.stringify(metadata)],
  });
  return rows.map(toSandbox);
}

/** Returns every sandbox that has all of these tags, newest first, without deleted ones. */
export async function listAllSandboxes(sql: Sql, workspaceId: string, metadata: Texts): Promise<StoredSandbox[]> {
  const rows = await sql.query<DriverRow>({
    name: "list_all_sandboxes",
    listOf: workspaceId,
    text: `select ${storedSandbox.sql} from sandbox b
      where b.workspace_id = $1 and b.delete_time is null and b.metadata @> $2::jsonb order by b.sandbox_id desc`,
    values: [workspaceId, JSON.stringify(metadata)],
  });
  return rows.map(toSandbox);
}

/** Locks a sandbox that is not deleted until the transaction ends. */
export async function lockSandbox(tx: Tx, workspaceId: string, sandboxId: string): Promise<StoredSandbox | undefined> {
  const rows = await tx.query<DriverRow>({
    name: "lock_sandbox",
    text: `select ${storedSandbox.sql} from sandbox b
      where b.workspace_id = $1 and b.sandbox_id = $2 and b.delete_time is null for no key update`,
    values: [workspaceId, sandboxId],
  });
  const row = firstOrUndefined(rows);
  return row && toSandbox(row);
}

const updated = write(sandboxTable, ["lookupId", "tokenHash", "metadata", "network", "mac"]);

/** Writes the token, the tags and the limits of a locked sandbox with its MAC. */
export async function updateSandbox(
  tx: Tx,
  sandbox: Pick<StoredSandbox, "workspaceId" | "sandboxId" | "lookupId" | "tokenHash" | "metadata" | "network" | "mac">,
): Promise<void> {
  await tx.query({
    name: "update_sandbox",
    text: `update sandbox b set ${updated.assign(3)}
      where b.workspace_id = $1 and b.sandbox_id = $2 and b.delete_time is null`,
    values: [sandbox.workspaceId, sandbox.sandboxId, ...updated.values(sandbox)],
  });
}

/**
 * Deletes a sandbox and its variables. Its MAC is removed, so its token stays invalid even if SQL clears delete_time. Its events stay.
 */
export async function deleteSandbox(tx: Tx, workspaceId: string, sandboxId: string): Promise<void> {
  await tx.query({
    name: "delete_sandbox",
    text: `update sandbox b set delete_time = clock_timestamp(), mac = '', env_envelope = null
      where b.workspace_id = $1 and b.sandbox_id = $2 and b.delete_time is null`,
    values: [workspaceId, sandboxId],
  });
}
