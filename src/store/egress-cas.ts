// Reads and writes the certificate authority of a workspace. Its private key is sealed.

import { firstOrUndefined } from "./connection/single-row.ts";
import type { Sql } from "./database.ts";
import { egressCaTable, type StoredEgressCa } from "./rows/egress-ca.ts";
import { type DriverRow, select } from "./rows/select.ts";
import { propertiesBut } from "./rows/table.ts";
import { write } from "./rows/write.ts";

const properties = propertiesBut(egressCaTable);
const stored = select(egressCaTable, properties);
const newCas = write(egressCaTable, properties);

export async function findEgressCa(sql: Sql, workspaceId: string): Promise<StoredEgressCa | undefined> {
  const rows = await sql.query<DriverRow>({
    name: "find_egress_ca",
    text: `select ${stored.sql} from egress_ca c where c.workspace_id = $1`,
    values: [workspaceId],
  });
  const row = firstOrUndefined(rows);
  return row && stored.read(row);
}

/** Inserts the first authority of a workspace, or replaces the one with the id `instead`. When several are inserted at once, one stays. */
export async function putEgressCa(sql: Sql, ca: StoredEgressCa, instead: string | undefined): Promise<void> {
  await sql.query({
    name: "put_egress_ca",
    text: `${newCas.insert()} on conflict (workspace_id) do update set ${newCas.replace}, create_time = now()
      where c.ca_id = $${newCas.count + 1}`,
    values: [...newCas.values(ca), instead ?? null],
  });
}
