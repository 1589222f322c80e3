// coffer keyring init, check.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Config } from "../config.ts";
import { StartupError } from "../domain/startup-error.ts";
import { createDataDir } from "../embedded/data-dir.ts";
import { openDeploymentKey } from "../envelope/deployment-keys.ts";
import { createKeyring, loadKeyring } from "../envelope/keyring.ts";
import { findDeployment } from "../store/deployment.ts";
import { listRootKeyIds } from "../store/kms-keys.ts";
import { withDatabase } from "./deployment.ts";
import type { Shown } from "./print.ts";

/** Never over one that is there, nor beside data that another one has sealed. */
export async function initKeyring({ rootKeyFile, dataDir, databaseUrl }: Config): Promise<Shown> {
  if (databaseUrl === undefined && existsSync(join(dataDir, "postgres")) && !existsSync(rootKeyFile)) {
    throw new StartupError(
      `the data in ${dataDir} is sealed under a keyring that is not there; restore ${rootKeyFile}`,
    );
  }
  if (databaseUrl === undefined) await createDataDir(dirname(rootKeyFile));
  const { first } = createKeyring(rootKeyFile, randomBytes);
  return { json: { file: rootKeyFile, keyId: first.id }, rows: [{ KEYRING: rootKeyFile, KEY: first.id }] };
}

/** Whether the keyring opens all that the database has sealed. Reads only. */
export async function checkKeyring(config: Config): Promise<Shown> {
  const keyring = loadKeyring(config.rootKeyFile);
  const keyIds = [...keyring.byId.keys()];
  const deploymentId = await withDatabase(config, async (database) => {
    const deployment = await findDeployment(database);
    if (!deployment) return undefined;
    openDeploymentKey(keyring, deployment.deploymentId, deployment).zero();
    const missing = (await listRootKeyIds(database)).filter((id) => !keyring.byId.has(id));
    if (missing.length > 0) {
      throw new StartupError(`the root keyring lacks keys that wrap keys of this database: ${missing.join(", ")}`);
    }
    return deployment.deploymentId;
  });
  const result = deploymentId === undefined ? "fits: nothing is sealed yet" : "opens this deployment";
  return {
    json: { file: config.rootKeyFile, keyIds, deploymentId: deploymentId ?? null, opens: true },
    rows: [{ KEYRING: config.rootKeyFile, KEYS: keyIds.join(" "), DEPLOYMENT: deploymentId ?? "", RESULT: result }],
  };
}
