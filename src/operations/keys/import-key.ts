// The key pair of a workspace and region whose public key wraps material for import: made when it is first asked for, the same on every instance.
import type { KeyObject } from "node:crypto";
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import type { Sensitive } from "../../domain/sensitive.ts";
import { importKeyAad } from "../../envelope/aad.ts";
import { privateKeyOf, publicKeyPem } from "../../envelope/key-objects.ts";
import { newRsaKey } from "../../envelope/new-material.ts";
import { unwrapWithRoot, wrapWithRoot } from "../../envelope/root-wrap.ts";
import { findImportKey, insertImportKey, type StoredImportKey } from "../../store/import-wrapping-keys.ts";
import { authorize } from "../authorize.ts";
import { regionOf } from "../secrets/region.ts";

export type ImportKeyDeps = Pick<Deps, "database" | "keyring" | "deploymentId" | "random">;

const modulusBits = 4096;

/** The public key, SPKI in PEM. Fails with FIELD_INVALID for `region`. */
export async function getWrappingKey(
  deps: ImportKeyDeps & Pick<Deps, "regions">,
  caller: Caller,
  region: string,
): Promise<string> {
  const { workspaceId } = authorize(caller, "keys.create");
  const key = await importKeyOf(deps, { workspaceId, region: regionOf(deps, region) });
  try {
    return publicKeyPem({ key });
  } finally {
    key.zero();
  }
}

interface ImportPlace {
  workspaceId: string;
  region: string;
}

/** Runs `work` with the private key, which is parsed anew each time: imports are rare. */
export async function withPrivateImportKey<T>(
  deps: ImportKeyDeps,
  place: ImportPlace,
  work: (key: KeyObject) => Promise<T>,
): Promise<T> {
  const key = await importKeyOf(deps, place);
  try {
    return await work(privateKeyOf({ key }));
  } finally {
    key.zero();
  }
}

async function importKeyOf(deps: ImportKeyDeps, { workspaceId, region }: ImportPlace): Promise<Sensitive> {
  const { database, keyring, deploymentId } = deps;
  const find = () => findImportKey(database, workspaceId, region);
  const stored = (await find()) ?? (await makeImportKey(deps, { workspaceId, region }, find));
  return unwrapWithRoot(keyring, importKeyAad(deploymentId, workspaceId, region), stored);
}

/** The one that is stored then: of several that are made at once, the first. */
async function makeImportKey(
  { database, keyring, deploymentId, random }: ImportKeyDeps,
  { workspaceId, region }: ImportPlace,
  find: () => Promise<StoredImportKey | undefined>,
): Promise<StoredImportKey> {
  const key = await newRsaKey(modulusBits);
  const wrapped = wrapWithRoot(keyring, importKeyAad(deploymentId, workspaceId, region), key, random);
  key.zero();
  await insertImportKey(database, { workspaceId, region, ...wrapped });
  const stored = await find();
  if (!stored) throw new Error("a key that was just stored is gone");
  return stored;
}
