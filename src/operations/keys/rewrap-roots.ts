// Wraps all keys again under the first root key. It can be interrupted and run again at any time.
import { CofferError } from "../../domain/error/errors.ts";
import type { RandomBytes } from "../../domain/random.ts";
import { importKeyAad } from "../../envelope/aad.ts";
import { openDeploymentKey, wrapDeploymentKey } from "../../envelope/deployment-keys.ts";
import { unwrapKeyVersion, wrapKeyVersion } from "../../envelope/key-version.ts";
import type { Keyring } from "../../envelope/keyring.ts";
import { type RootWrapped, unwrapWithRoot, wrapWithRoot } from "../../envelope/root-wrap.ts";
import { knownAlgorithm } from "../../runtime/key-material.ts";
import type { Sql } from "../../store/database.ts";
import { type DeploymentRecord, findDeployment, replaceDeploymentWrap } from "../../store/deployment.ts";
import { listForeignImportKeys, replaceImportKeyWrap, type StoredImportKey } from "../../store/import-wrapping-keys.ts";
import { listForeignKeyVersions, replaceKeyVersionWrap, type WrappedKeyVersion } from "../../store/kms-keys.ts";

export interface RewrapRootsDeps {
  database: Sql;
  keyring: Keyring;
  random: RandomBytes;
}

export interface RootsRewrapped {
  rewrapped: number;
  /** Key versions whose wraps do not authenticate; they were not changed. */
  corrupt: readonly Pick<WrappedKeyVersion, "workspaceId" | "kmsKeyId" | "version">[];
  /** Import keys whose wraps do not authenticate; they were not changed. */
  corruptImportKeys: readonly Pick<StoredImportKey, "workspaceId" | "region">[];
}

const batchSize = 200;

/** Rewraps under the keyring's first key. Fails with ROOT_KEY_MISSING. */
export async function rewrapRoots(deps: RewrapRootsDeps, deployment: DeploymentRecord): Promise<RootsRewrapped> {
  const { database, keyring } = deps;
  const rootKeyId = keyring.first.id;
  const corrupt: WrappedKeyVersion[] = [];
  let rewrapped = 0;
  let after: Pick<WrappedKeyVersion, "workspaceId" | "kmsKeyId" | "version"> = {
    workspaceId: "",
    kmsKeyId: "",
    version: 0,
  };
  for (;;) {
    const batch = await listForeignKeyVersions(database, rootKeyId, after, batchSize);
    for (const version of batch) {
      if (await rewrapKeyVersion(deps, deployment, version)) rewrapped++;
      else corrupt.push(version);
      after = version;
    }
    if (batch.length < batchSize) break;
  }
  const importKeys = await rewrapImportKeys(deps, deployment);
  rewrapped += importKeys.rewrapped;
  // The deployment key comes last: until then, an instance without the new root key can still start.
  if (deployment.rootKeyId !== rootKeyId) {
    await rewrapDeployment(deps, deployment);
    rewrapped++;
  }
  return { rewrapped, corrupt, corruptImportKeys: importKeys.corrupt };
}

async function rewrapImportKeys(
  { database, keyring, random }: RewrapRootsDeps,
  { deploymentId }: DeploymentRecord,
): Promise<{ rewrapped: number; corrupt: StoredImportKey[] }> {
  const corrupt: StoredImportKey[] = [];
  let rewrapped = 0;
  let after: Pick<StoredImportKey, "workspaceId" | "region"> = { workspaceId: "", region: "" };
  for (;;) {
    const batch = await listForeignImportKeys(database, keyring.first.id, after, batchSize);
    for (const stored of batch) {
      const aad = importKeyAad(deploymentId, stored.workspaceId, stored.region);
      const wrapped = rewrapWithFirst(keyring, aad, stored, random);
      if (wrapped) {
        await replaceImportKeyWrap(database, stored, wrapped);
        rewrapped++;
      } else {
        corrupt.push(stored);
      }
      after = stored;
    }
    if (batch.length < batchSize) return { rewrapped, corrupt };
  }
}

/** Returns undefined when the old wrap does not authenticate. Unwraps the new wrap before it is stored. */
function rewrapWithFirst(
  keyring: Keyring,
  aad: Uint8Array,
  stored: RootWrapped,
  random: RandomBytes,
): RootWrapped | undefined {
  try {
    using key = unwrapWithRoot(keyring, aad, stored);
    const wrapped = wrapWithRoot(keyring, aad, key, random);
    unwrapWithRoot(keyring, aad, wrapped).zero();
    return wrapped;
  } catch (error) {
    if (error instanceof CofferError && error.reason === "VALUE_CORRUPT") return undefined;
    throw error;
  }
}

async function rewrapKeyVersion(
  { database, keyring, random }: RewrapRootsDeps,
  { deploymentId }: DeploymentRecord,
  stored: WrappedKeyVersion & { algorithm: string },
): Promise<boolean> {
  const { workspaceId, kmsKeyId, version } = stored;
  const owner = { deploymentId, workspaceId };
  try {
    const name = { kmsKeyId, version, algorithm: knownAlgorithm(stored.algorithm) };
    const keyVersion = unwrapKeyVersion(keyring, owner, name, stored);
    using _key = keyVersion.key;
    const wrapped = wrapKeyVersion(keyring, owner, keyVersion, random);
    // Never replace a wrap with one that cannot be unwrapped.
    unwrapKeyVersion(keyring, owner, name, wrapped).key.zero();
    await replaceKeyVersionWrap(database, stored, wrapped);
    return true;
  } catch (error) {
    if (error instanceof CofferError && error.reason === "VALUE_CORRUPT") return false;
    throw error;
  }
}

async function rewrapDeployment(
  { database, keyring, random }: RewrapRootsDeps,
  deployment: DeploymentRecord,
): Promise<void> {
  const { deploymentId } = deployment;
  using key = openDeploymentKey(keyring, deploymentId, deployment);
  const wrapped = wrapDeploymentKey(keyring, deploymentId, key, random);
  openDeploymentKey(keyring, deploymentId, wrapped).zero();
  await replaceDeploymentWrap(database, deployment, wrapped);
  const stored = await findDeployment(database);
  if (stored?.rootKeyId !== keyring.first.id) throw new Error("the deployment's key was wrapped by somebody else");
}
