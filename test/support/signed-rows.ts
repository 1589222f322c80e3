// Changes of columns that a MAC covers, signed as coffer signs them: for what only time, or coffer itself, would change.
import { coveredOfSecret, coveredOfWorkspace, macOf } from "../../src/integrity/row-macs.ts";
import { findSecret } from "../../src/store/find-secrets.ts";
import type { StoredSecret } from "../../src/store/rows/secret.ts";
import { findUnsignedSecrets, signSecrets, signWorkspaces } from "../../src/store/sign-rows.ts";
import type { TestCoffer } from "./coffer.ts";
import { present } from "./secrets.ts";

/** Sets columns of secrets, such as `expire_time = now()`, and signs their rows. */
export async function setSecrets(
  coffer: Pick<TestCoffer, "sql" | "deps">,
  change: string,
  ids: readonly string[],
): Promise<void> {
  const rows = await coffer.sql(
    `update secret set ${change} where secret_id = any ($1) returning workspace_id, secret_id`,
    [ids],
  );
  const signing = rows.map(async (row) => {
    const [workspaceId, secretId] = [String(row["workspace_id"]), String(row["secret_id"])];
    return { workspaceId, secretId, rowMac: await signed(coffer, secretId) };
  });
  await signSecrets(coffer.deps.database, await Promise.all(signing));
}

/** Signs copies of secrets, which were inserted without a MAC. */
export async function signCopies({ deps }: Pick<TestCoffer, "deps">): Promise<void> {
  const { database, deploymentKeys } = deps;
  const copies = await findUnsignedSecrets(database, { workspaceId: "", secretId: "" }, 100_000);
  await signSecrets(
    database,
    copies.map((secret) => ({ ...secret, rowMac: macOf(deploymentKeys, coveredOfSecret(secret)) })),
  );
}

/** The MAC of a secret's row as it is, or as it would be with a change. */
export async function signed(
  { sql, deps }: Pick<TestCoffer, "sql" | "deps">,
  secretId: string,
  change: Partial<StoredSecret> = {},
): Promise<Uint8Array> {
  const [row] = await sql("select workspace_id from secret where secret_id = $1", [secretId]);
  const secret = present(await findSecret(deps.database, String(row?.["workspace_id"]), { by: "id", secretId }));
  return macOf(deps.deploymentKeys, coveredOfSecret({ ...secret, ...change }));
}

/** Sets what becomes of requests to hosts that no bound secret is for. */
export async function setUnmatched(
  coffer: Pick<TestCoffer, "sql" | "deps">,
  workspaceId: string,
  egressUnmatched: "ALLOW" | "DENY",
): Promise<void> {
  await coffer.sql("update workspace set egress_unmatched = $1 where workspace_id = $2", [
    egressUnmatched,
    workspaceId,
  ]);
  const { database, deploymentKeys } = coffer.deps;
  const mac = macOf(deploymentKeys, coveredOfWorkspace({ workspaceId, egressUnmatched }));
  await signWorkspaces(database, [{ workspaceId, mac }]);
}
