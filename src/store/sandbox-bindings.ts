// Reads and writes bindings of secrets to sandboxes, and reads what the proxy requires of a sandbox.
import type { EgressRule } from "../domain/egress/egress-rule.ts";
import type { Binding, Unmatched } from "../domain/egress/sandbox.ts";
import { firstOrUndefined } from "./connection/single-row.ts";
import type { Sql, Tx } from "./database.ts";
import { bindingTable, type StoredBinding } from "./rows/sandbox-binding.ts";
import { isActive, type SecretGuard, secretTable, selectGuard } from "./rows/secret.ts";
import { type DriverRow, select } from "./rows/select.ts";
import { propertiesBut } from "./rows/table.ts";
import { write } from "./rows/write.ts";
import { type StoredSandbox, storedSandbox, toSandbox } from "./sandboxes.ts";

const newBindings = write(bindingTable, propertiesBut(bindingTable));

/** A taken name violates `sandbox_binding_env_key`. */
export async function insertBinding(tx: Tx, binding: StoredBinding): Promise<void> {
  await tx.query({
    name: "insert_sandbox_binding",
    text: newBindings.insert(),
    values: newBindings.values({ ...binding, boundBy: binding.boundBy }),
  });
}

/** Revokes the binding of a variable. Returns whether there was one. SQL cannot restore it, because its MAC is removed. */
export async function revokeBinding(
  tx: Tx,
  { workspaceId, sandboxId, envKey }: Pick<Binding, "workspaceId" | "sandboxId" | "envKey">,
): Promise<boolean> {
  const rows = await tx.query({
    name: "revoke_sandbox_binding",
    text: `update sandbox_binding set revoke_time = clock_timestamp(), mac = ''
      where workspace_id = $1 and sandbox_id = $2 and env_key = $3 and revoke_time is null returning env_key`,
    values: [workspaceId, sandboxId, envKey],
  });
  return rows.length > 0;
}

/** Returns the sandbox and secret of a placeholder, also of a revoked one; undefined in other workspaces. */
export async function findPlaceholderHolder(
  sql: Sql,
  workspaceId: string,
  placeholder: string,
): Promise<Pick<Binding, "sandboxId" | "secretId"> | undefined> {
  const rows = await sql.query<{ sandbox_id: string; secret_id: string }>({
    name: "find_placeholder_holder",
    text: "select sandbox_id, secret_id from sandbox_binding where workspace_id = $1 and placeholder = $2",
    values: [workspaceId, placeholder],
  });
  const row = firstOrUndefined(rows);
  return row && { sandboxId: row.sandbox_id, secretId: row.secret_id };
}

/** A binding with the row of its secret. */
export interface BoundSecret extends StoredBinding {
  secret: SecretGuard;
  /** The secret is active. */
  isActive: boolean;
  rule: EgressRule | undefined;
  egressMac: Uint8Array | undefined;
}

const storedBinding = select(bindingTable, propertiesBut(bindingTable));
const guard = selectGuard({ prefix: "s_" });
const egressRule = select(secretTable, ["egress", "egressMac"]);

const boundColumns = `${storedBinding.sql}, ${isActive} as is_active, ${egressRule.sql}, ${guard.sql}`;

function toBoundSecret(row: DriverRow): BoundSecret {
  const { egress: rule, egressMac } = egressRule.read(row);
  return {
    ...storedBinding.read(row),
    secret: guard.read(row),
    isActive: row["is_active"] as boolean,
    rule,
    egressMac,
  };
}

/** Returns the secrets that are bound to sandboxes now, by sandbox and environment variable. */
export async function listBoundSecrets(
  sql: Sql,
  workspaceId: string,
  sandboxIds: readonly string[],
): Promise<BoundSecret[]> {
  const rows = await sql.query<DriverRow>({
    name: "list_bound_secrets",
    text: `select ${boundColumns} from sandbox_binding i
      join secret s on s.workspace_id = i.workspace_id and s.secret_id = i.secret_id
      where i.workspace_id = $1 and i.sandbox_id = any ($2) and i.revoke_time is null
      order by i.sandbox_id, i.env_key collate "C"`,
    values: [workspaceId, sandboxIds],
  });
  return rows.map(toBoundSecret);
}

/** The facts about a sandbox that the proxy requires. */
export interface SandboxRecord {
  sandbox: StoredSandbox;
  /** The setting of its workspace for hosts of no bound secret, and the MAC of that column. */
  unmatched: Unmatched;
  workspaceMac: Uint8Array;
  /** The time of the read, by the database's clock. */
  readTime: Date;
  bound: BoundSecret[];
  /** The secrets whose bindings were revoked last. */
  letGo: LetGoSecret[];
}

export type LetGoSecret = Pick<BoundSecret, "secretId" | "rule" | "egressMac">;

const letGoMax = 32;

/** JSON, so that one statement returns it with the sandbox. */
const letGoSql = `(
  select coalesce(json_agg(json_build_object('id', s.secret_id, 'rule', s.egress_rule, 'mac', encode(s.egress_mac, 'base64'))), '[]')
  from (
    select i.secret_id from sandbox_binding i
    where i.workspace_id = b.workspace_id and i.sandbox_id = b.sandbox_id and i.revoke_time is not null
    order by i.revoke_time desc limit ${letGoMax}
  ) g join secret s on s.workspace_id = b.workspace_id and s.secret_id = g.secret_id
  where s.egress_rule is not null and s.egress_mac is not null
)`;

/** Returns undefined for an unknown or deleted sandbox. */
export async function findSandboxRecord(sql: Sql, lookupId: string): Promise<SandboxRecord | undefined> {
  const rows = await sql.query<
    DriverRow & {
      egress_unmatched: Unmatched;
      workspace_mac: Uint8Array | null;
      read_time: Date;
      let_go: { id: string; rule: EgressRule; mac: string }[];
    }
  >({
    name: "find_sandbox_by_lookup_id",
    text: `select ${storedSandbox.sql}, w.egress_unmatched, w.mac as workspace_mac, now() as read_time, ${letGoSql} as let_go
      from sandbox b join workspace w on w.workspace_id = b.workspace_id
      where b.lookup_id = $1 and b.delete_time is null`,
    values: [lookupId],
  });
  const row = firstOrUndefined(rows);
  if (!row) return undefined;
  const sandbox = toSandbox(row);
  const bound = await listBoundSecrets(sql, sandbox.workspaceId, [sandbox.sandboxId]);
  const { egress_unmatched: unmatched, workspace_mac: workspaceMac, read_time: readTime } = row;
  const letGo = row.let_go.map(({ id: secretId, rule, mac }) => {
    return { secretId, rule, egressMac: Buffer.from(mac, "base64") };
  });
  return { sandbox, unmatched, workspaceMac: workspaceMac ?? new Uint8Array(), readTime, bound, letGo };
}

/** Returns the environment variables that have a binding now. */
export async function listBoundKeys(tx: Tx, workspaceId: string, sandboxId: string): Promise<string[]> {
  const rows = await tx.query<{ env_key: string }>({
    name: "list_bound_keys",
    text: `select i.env_key from sandbox_binding i
      where i.workspace_id = $1 and i.sandbox_id = $2 and i.revoke_time is null`,
    values: [workspaceId, sandboxId],
  });
  return rows.map(({ env_key }) => env_key);
}

export interface BoundSandbox {
  sandboxId: string;
  sandboxName: string;
  envKey: string;
}

/** Returns the current bindings of a secret, by sandbox and environment variable. */
export async function listBoundSandboxes(sql: Sql, workspaceId: string, secretId: string): Promise<BoundSandbox[]> {
  const rows = await sql.query<{ sandbox_id: string; name: string; env_key: string }>({
    name: "list_bound_sandboxes",
    text: `select b.sandbox_id, b.name, i.env_key from sandbox_binding i
      join sandbox b on b.workspace_id = i.workspace_id and b.sandbox_id = i.sandbox_id
      where i.workspace_id = $1 and i.secret_id = $2 and i.revoke_time is null and b.delete_time is null
      order by b.sandbox_id, i.env_key collate "C"`,
    values: [workspaceId, secretId],
  });
  return rows.map((row) => ({ sandboxId: row.sandbox_id, sandboxName: row.name, envKey: row.env_key }));
}
