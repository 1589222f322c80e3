// Wraps everything anew under the first root key of the keyring: the deployment key and the material of all key versions.
import type { Deps } from "../../deps.ts";
import { CofferError } from "../../domain/errors.ts";
import { openDeploymentKey, wrapDeploymentKey } from "../../envelope/deployment-keys.ts";
import { unwrapKeyVersion, wrapKeyVersion } from "../../envelope/key-version.ts";
import {
  lockDeployment,
  lockVersionsOfOtherRoots,
  replaceDeploymentWrap,
  replaceVersionWraps,
  type WrappedVersion,
} from "../../store/root-wraps.ts";
import { knownAlgorithm } from "./key-material.ts";

type RewrapRootDeps = Pick<Deps, "database" | "keyring" | "random">;

const versionsPerTransaction = 200;

export interface RootRewrap {
  /** How many wraps were made anew. */
  rewrapped: number;
  /** Key versions that do not authenticate: they stay as they are. */
  corrupt: Pick<WrappedVersion, "workspaceId" | "kmsKeyId" | "version">[];
}

/** What was done is committed bit by bit: a run that was cut off goes on where it was. Fails with a StartupError or ROOT_KEY_MISSING. */
export async function rewrapRoot(deps: RewrapRootDeps): Promise<RootRewrap> {
  const { deploymentId, rewrapped } = await rewrapDeployment(deps);
  const result: RootRewrap = { rewrapped, corrupt: [] };
  let after: Pick<WrappedVersion, "workspaceId" | "kmsKeyId" | "version"> | undefined = firstPlace;
  while (after) after = await rewrapVersions(deps, deploymentId, after, result);
  return result;
}

const firstPlace = { workspaceId: "", kmsKeyId: "", version: 0 };

async function rewrapDeployment({ database, keyring, random }: RewrapRootDeps) {
  return database.transaction(async (tx) => {
    const { deploymentId, ...stored } = await lockDeployment(tx);
    if (stored.rootKeyId === keyring.first.id) return { deploymentId, rewrapped: 0 };
    const key = openDeploymentKey(keyring, deploymentId, stored);
    await replaceDeploymentWrap(tx, { deploymentId, ...wrapDeploymentKey(keyring, deploymentId, key, random) });
    key.zero();
    return { deploymentId, rewrapped: 1 };
  });
}

/** Where the next part begins; undefined at the end. */
async function rewrapVersions(
  { database, keyring, random }: RewrapRootDeps,
  deploymentId: string,
  after: Pick<WrappedVersion, "workspaceId" | "kmsKeyId" | "version">,
  result: RootRewrap,
) {
  return database.transaction(async (tx) => {
    const versions = await lockVersionsOfOtherRoots(tx, keyring.first.id, after, versionsPerTransaction);
    const moved = versions.flatMap((version) => {
      const wrapped = moveWrap(keyring, deploymentId, version, random);
      if (!wrapped) result.corrupt.push(version);
      return wrapped ? [{ ...version, ...wrapped }] : [];
    });
    await replaceVersionWraps(tx, moved);
    result.rewrapped += moved.length;
    return versions.length < versionsPerTransaction ? undefined : versions.at(-1);
  });
}

/** Undefined when it does not authenticate. */
function moveWrap(
  keyring: RewrapRootDeps["keyring"],
  deploymentId: string,
  { workspaceId, kmsKeyId, version, algorithm, ...wrapped }: WrappedVersion,
  random: RewrapRootDeps["random"],
) {
  const owner = { deploymentId, workspaceId };
  try {
    const name = { kmsKeyId, version, algorithm: knownAlgorithm(algorithm) };
    const keyVersion = unwrapKeyVersion(keyring, owner, name, wrapped);
    const moved = wrapKeyVersion(keyring, owner, keyVersion, random);
    keyVersion.key.zero();
    return moved;
  } catch (error) {
    if (error instanceof CofferError && error.reason === "VALUE_CORRUPT") return undefined;
    throw error;
  }
}
