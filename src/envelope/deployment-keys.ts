// The keys of one deployment, which is one database. All are derived from one random key that a root key wraps.
import { CofferError } from "../domain/error/errors.ts";
import { StartupError } from "../domain/error/startup-error.ts";
import type { RandomBytes } from "../domain/random.ts";
import { Sensitive } from "../domain/sensitive.ts";
import { deploymentKeyAad } from "./aad.ts";
import { derive, noSalt } from "./derive.ts";
import type { Keyring } from "./keyring.ts";
import { type RootWrapped, unwrapWithRoot, wrapWithRoot } from "./root-wrap.ts";

const deploymentKeySizeBytes = 32;

export interface DeploymentKeys {
  /** For hashToken. */
  tokenPepper: Sensitive;
  /** For the fingerprints of idempotent requests. */
  fingerprintKey: Sensitive;
  /** For macRow and verifyRow. */
  rowMacKey: Sensitive;
}

export function newDeploymentKey(random: RandomBytes): Sensitive {
  return new Sensitive(random(deploymentKeySizeBytes));
}

/** Wraps the deployment key under the keyring's first key, for a new database or again. */
export function wrapDeploymentKey(
  keyring: Keyring,
  deploymentId: string,
  key: Sensitive,
  random: RandomBytes,
): RootWrapped {
  return wrapWithRoot(keyring, deploymentKeyAad(deploymentId), key, random);
}

/**
 * Throws a StartupError that tells a keyring without the right key from one that does not fit the database. The commitment in
 * the wrap is the key-check value: nothing is decrypted, and so nothing written, with a wrong key.
 */
export function openDeploymentKey(keyring: Keyring, deploymentId: string, stored: RootWrapped): Sensitive {
  const { rootKeyId } = stored;
  if (!keyring.byId.has(rootKeyId)) {
    const held = [...keyring.byId.keys()].join(", ");
    throw new StartupError(`the root keyring lacks the key ${rootKeyId} that this database needs; it holds ${held}`);
  }
  try {
    return unwrapWithRoot(keyring, deploymentKeyAad(deploymentId), stored);
  } catch (cause) {
    if (!(cause instanceof CofferError && cause.reason === "VALUE_CORRUPT")) throw cause;
    throw new StartupError(`the root key ${rootKeyId} does not fit this database`, { cause });
  }
}

export function deriveDeploymentKeys(key: Sensitive): DeploymentKeys {
  const subkey = (info: string) => new Sensitive(derive(key, noSalt, info, 32));
  return {
    tokenPepper: subkey("coffer/token-pepper/v1"),
    fingerprintKey: subkey("coffer/idempotency-fingerprint/v1"),
    rowMacKey: subkey("coffer/row-mac/v1"),
  };
}
