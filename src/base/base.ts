// Opens the parts that every process of a deployment works with: the API, the egress proxy and the commands.

import { createRandomBytes } from "../envelope/random-pool.ts";
import type { DatabasePort, DeploymentPort, RandomPort, RootKeyPort, TimePort } from "../ports.ts";
import { openDeployment } from "../steps/deployment.ts";
import { type Database, openDatabase } from "../store/database.ts";

export type Base = TimePort & RandomPort & DatabasePort & RootKeyPort & DeploymentPort;

export interface DatabaseServer {
  url: string;
  password: string | undefined;
}

/** Opens a connection pool that closes with `closing`. */
export function connectDatabase(
  closing: AsyncDisposableStack,
  { url, password }: DatabaseServer,
  poolSize: number,
): Database {
  return closing.adopt(openDatabase({ connectionString: url, password, poolSize }), (database) => database.close());
}

/** Makes the deployment in a new database. Fails with a StartupError, and writes nothing, when the keyring does not fit. */
export async function openBase({
  database,
  keyring,
  regions,
}: Pick<Base, "database" | "keyring" | "regions">): Promise<Base> {
  const now = () => new Date();
  const random = createRandomBytes();
  const deployment = await openDeployment({ database, keyring, now, random });
  return { ...deployment, now, random, database, keyring, regions };
}
