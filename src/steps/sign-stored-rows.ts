// Signs the secrets and workspaces of an older database, once, in a migration. Accepts the rows as they are then.
import type { DeploymentKeys } from "../envelope/deployment-keys.ts";
import type { MacField } from "../envelope/mac.ts";
import type { Covered } from "../integrity/covering.ts";
import { coveredOfSecret, coveredOfWorkspace, isAuthentic, macOf } from "../integrity/row-macs.ts";
import type { Sql } from "../store/database.ts";
import {
  findUnsignedSecrets,
  findUnsignedWorkspaces,
  signSecrets,
  signWorkspaces,
  type UnsignedSecret,
} from "../store/sign-rows.ts";

const secretsPerStatement = 1_000;

type MacKey = Pick<DeploymentKeys, "rowMacKey">;

/** A secret with a wrong MAC before the migration has a wrong MAC after it. */
export async function signStoredRows(keys: MacKey, sql: Sql): Promise<void> {
  const workspaces = await findUnsignedWorkspaces(sql);
  await signWorkspaces(
    sql,
    workspaces.map((row) => ({ ...row, mac: macOf(keys, coveredOfWorkspace(row)) })),
  );
  let after = { workspaceId: "", secretId: "" };
  let secrets: UnsignedSecret[];
  do {
    secrets = await findUnsignedSecrets(sql, after, secretsPerStatement);
    const sound = secrets.filter((secret) => isAuthentic(keys, coveredBefore(secret), secret.earlierMac));
    await signSecrets(
      sql,
      sound.map((secret) => ({ ...secret, rowMac: macOf(keys, coveredOfSecret(secret)) })),
    );
    after = secrets.at(-1) ?? after;
  } while (secrets.length === secretsPerStatement);
}

/** Returns what the MAC of a secret covered in earlier versions. */
function coveredBefore(secret: UnsignedSecret): Covered {
  const { workspaceId, secretId, region, kmsKeyId, revealable, accessPolicyText } = secret;
  const fields: MacField[] = [workspaceId, secretId, region, kmsKeyId, revealable];
  if (accessPolicyText === undefined) return { label: "secret/v1", fields };
  return { label: "secret/v2", fields: [...fields, accessPolicyText] };
}
