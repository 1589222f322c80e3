// Moves the wraps of versions to the primary version of their key; payloads are neither read nor touched.

import { CofferError } from "../../domain/error/errors.ts";
import { rewrap } from "../../envelope/envelope.ts";
import type { KeyVersion } from "../../envelope/key-version.ts";
import type { Deps } from "../../runtime/deps.ts";
import { loadKeyVersion } from "../../runtime/key-material.ts";
import type { Tx } from "../../store/database.ts";
import type { KeyToRewrap, RewrappedVersion, VersionToRewrap } from "../../store/rewrap.ts";

type RewrapDeps = Pick<Deps, "keyring" | "deploymentId" | "random">;

/** The new envelopes, and the versions whose envelopes do not authenticate: these stay as they are. */
export async function rewrapVersions(
  deps: RewrapDeps,
  tx: Tx,
  key: KeyToRewrap,
  versions: readonly VersionToRewrap[],
): Promise<{ rewrapped: RewrappedVersion[]; corrupt: VersionToRewrap[] }> {
  const rewrapped: RewrappedVersion[] = [];
  const corrupt: VersionToRewrap[] = [];
  const loaded = new Map<number, KeyVersion>();
  const keyVersion = async (version: number) => {
    const known = loaded.get(version);
    if (known) return known;
    const found = await loadKeyVersion({ ...deps, database: tx }, key, version);
    loaded.set(version, found);
    return found;
  };
  try {
    const to = await orCorrupt(() => keyVersion(key.primaryVersion));
    for (const version of versions) {
      const envelope =
        to && (await orCorrupt(async () => move(deps, key, version, await keyVersion(version.kmsKeyVersion), to)));
      if (envelope) rewrapped.push({ ...version, old: version.envelope, envelope });
      else corrupt.push(version);
    }
  } finally {
    for (const { key: material } of loaded.values()) material.zero();
  }
  return { rewrapped, corrupt };
}

function move(
  { deploymentId, random }: RewrapDeps,
  { workspaceId }: KeyToRewrap,
  { secretId, versionNumber, envelope, payloadForm: form }: VersionToRewrap,
  from: KeyVersion,
  to: KeyVersion,
): Uint8Array {
  const context = { deploymentId, workspaceId, secretId, versionNumber };
  return rewrap({ envelope, from, to, context, form, random });
}

async function orCorrupt<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CofferError && error.reason === "VALUE_CORRUPT") return undefined;
    throw error;
  }
}
