// Inserts principals, and finds members by name.
import type { Principal } from "../domain/workspace/workspace.ts";
import type { Sql, Tx } from "./database.ts";
import { principalTable, type StoredPrincipal } from "./rows/principal.ts";
import { type DriverRow, select } from "./rows/select.ts";
import { propertiesBut } from "./rows/table.ts";
import { memberTable, type StoredMember } from "./rows/workspace-member.ts";
import { write } from "./rows/write.ts";

const newPrincipals = write(principalTable, propertiesBut(principalTable));

export async function insertPrincipal(tx: Tx, principal: StoredPrincipal): Promise<void> {
  await tx.query({ name: "insert_principal", text: newPrincipals.insert(), values: newPrincipals.values(principal) });
}

const vouchedPrincipals = write(principalTable, ["principalId", "kind", "displayName"]);

/** Inserts a principal that a JWT issuer vouches for, unless it exists. Nothing changes it later. */
export async function ensurePrincipal(sql: Sql, principal: Principal): Promise<void> {
  await sql.query({
    name: "ensure_principal",
    text: `${vouchedPrincipals.insert()} on conflict do nothing`,
    values: vouchedPrincipals.values(principal),
  });
}

/** A member and its principal, each with its MAC. */
export interface NamedMember {
  member: StoredMember;
  principal: Omit<StoredPrincipal, "kind">;
}

const storedPrincipal = select(principalTable, ["principalId", "displayName", "mac"], { prefix: "p_" });
const storedMember = select(memberTable, propertiesBut(memberTable));

/** Returns the members of a workspace who have one of the names, by principal. Check both MACs. */
export async function findMembersByName(
  sql: Sql,
  workspaceId: string,
  names: readonly string[],
): Promise<NamedMember[]> {
  const rows = await sql.query<DriverRow>({
    name: "find_members_by_name",
    text: `select ${storedPrincipal.sql}, ${storedMember.sql}
      from workspace_member m join principal p on p.principal_id = m.principal_id
      where m.workspace_id = $1 and p.display_name = any ($2) order by p.principal_id`,
    values: [workspaceId, names],
  });
  return rows.map((row) => ({ member: storedMember.read(row), principal: storedPrincipal.read(row) }));
}

/** Returns members without a MAC, from an earlier version, after the id `after`, by id. */
export async function findUnsignedPrincipals(
  sql: Sql,
  after: string,
  limit: number,
): Promise<Pick<Principal, "principalId" | "displayName">[]> {
  const rows = await sql.query<{ principal_id: string; display_name: string }>({
    name: "find_unsigned_principals",
    text: `select p.principal_id, p.display_name from principal p
      where p.mac is null and p.principal_id collate "C" > $1
        and exists (select from workspace_member m where m.principal_id = p.principal_id)
      order by p.principal_id collate "C" limit $2`,
    values: [after, limit],
  });
  return rows.map((row) => ({ principalId: row.principal_id, displayName: row.display_name }));
}

export async function signPrincipals(
  sql: Sql,
  principals: readonly { principalId: string; mac: Uint8Array }[],
): Promise<void> {
  await sql.query({
    name: "sign_principals",
    text: `update principal p set mac = t.mac from unnest($1::text[], $2::bytea[]) as t (principal_id, mac)
      where p.principal_id = t.principal_id`,
    values: [principals.map(({ principalId }) => principalId), principals.map(({ mac }) => Buffer.from(mac))],
  });
}
