// Opens the deployment of a database, and checks that the keyring fits it.

import { StartupError } from "../domain/error/startup-error.ts";
import { newId } from "../domain/ids.ts";
import {
  deriveDeploymentKeys,
  newDeploymentKey,
  openDeploymentKey,
  wrapDeploymentKey,
} from "../envelope/deployment-keys.ts";
import type { Keyring } from "../envelope/keyring.ts";
import type { DeploymentPort, RandomPort, RootKeyPort, TimePort } from "../ports.ts";
import type { Sql } from "../store/database.ts";
import { findDeployment, insertDeployment } from "../store/deployment.ts";
import { listRootKeyIds } from "../store/kms-keys.ts";

export type Deployment = Pick<DeploymentPort, "deploymentId" | "deploymentKeys">;

/** Opens the deployment, or creates it in a new database. If the keyring does not fit, fails with a StartupError and writes nothing. */
export async function openDeployment(
  deps: TimePort & RandomPort & RootKeyPort & { database: Sql },
): Promise<Deployment> {
  const { database, keyring } = deps;
  const found = (await findDeployment(database)) ?? (await makeDeployment(deps));
  const { deploymentId } = found;
  using key = openDeploymentKey(keyring, deploymentId, found);
  await checkRootKeys(database, keyring);
  return { deploymentId, deploymentKeys: deriveDeploymentKeys(key) };
}

/** Fails with a StartupError that names the root keys that wrap keys of this database and are not in the keyring. */
export async function checkRootKeys(database: Sql, keyring: Keyring): Promise<void> {
  const missing = (await listRootKeyIds(database)).filter((id) => !keyring.byId.has(id));
  if (missing.length === 0) return;
  throw new StartupError(
    `the root keyring lacks root keys that this database needs: ${missing.join(", ")}; add their lines to the keyring file`,
  );
}

async function makeDeployment({ database, keyring, now, random }: Parameters<typeof openDeployment>[0]) {
  const deploymentId = newId("dep", now(), random);
  using key = newDeploymentKey(random);
  await insertDeployment(database, { deploymentId, ...wrapDeploymentKey(keyring, deploymentId, key, random) });
  // Another instance may have been first: use the stored key.
  const stored = await findDeployment(database);
  if (!stored) throw new Error("the deployment that was just made is not there");
  return stored;
}
