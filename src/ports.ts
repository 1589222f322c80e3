// Small interfaces of what the process, the database and the deployment provide. Every function takes only those that it uses.
import type { RandomBytes } from "./domain/random.ts";
import type { DeploymentKeys } from "./envelope/deployment-keys.ts";
import type { Keyring } from "./envelope/keyring.ts";
import type { Database } from "./store/database.ts";

/** The time of this process. Lifetimes are checked against the database's clock instead. */
export interface TimePort {
  now: () => Date;
}

/** Random bytes. Tests fix them. */
export interface RandomPort {
  random: RandomBytes;
}

export interface DatabasePort {
  database: Database;
}

/** The root keys, which wrap all other keys. */
export interface RootKeyPort {
  keyring: Keyring;
}

export interface DeploymentPort {
  deploymentId: string;
  deploymentKeys: DeploymentKeys;
  /** The regions of secrets. The first is the default. */
  regions: readonly [string, ...string[]];
}
