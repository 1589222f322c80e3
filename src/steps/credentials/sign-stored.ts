// Signs the credentials of an older database, once, in a migration. Accepts the credentials as they are then.
import type { DeploymentKeys } from "../../envelope/deployment-keys.ts";
import { coveredOfCredential, macOf } from "../../integrity/row-macs.ts";
import { type CredentialRow, findCredentials, setCredentialMacs } from "../../store/credential-macs.ts";
import type { Sql } from "../../store/database.ts";

const atOnce = 1_000;

export async function signStoredCredentials(keys: Pick<DeploymentKeys, "rowMacKey">, sql: Sql): Promise<void> {
  let after = "";
  let rows: CredentialRow[];
  do {
    rows = await findCredentials(sql, after, atOnce);
    await setCredentialMacs(
      sql,
      rows.map((row) => ({ ...row, mac: macOf(keys, coveredOfCredential(row)) })),
    );
    after = rows.at(-1)?.secretId ?? after;
  } while (rows.length === atOnce);
}
