// The key pair of a workspace and region whose public key wraps material for import. It is made on the first request, and is the same on every instance.
import type { KeyObject } from "node:crypto";
import type { Sensitive } from "../../domain/sensitive.ts";
import { importKeyAad } from "../../envelope/aad.ts";
import { privateKeyOf } from "../../envelope/key-objects.ts";
import { newRsaKey } from "../../envelope/new-material.ts";
import { unwrapWithRoot, wrapWithRoot } from "../../envelope/root-wrap.ts";
import type { Deps } from "../../runtime/deps.ts";
import { findImportKey, insertImportKey, type StoredImportKey } from "../../store/import-wrapping-keys.ts";

export type ImportKeyDeps = Pick<Deps, "database" | "keyring" | "deploymentId" | "random">;

const modulusBits = 4096;

interface ImportKeyScope {
  workspaceId: string;
  region: string;
}

/** Runs `work` with the private key, which is parsed each time because imports are rare. */
export async function withPrivateImportKey<T>(
  deps: ImportKeyDeps,
  scope: ImportKeyScope,
  work: (key: KeyObject) => Promise<T>,
): Promise<T> {
  using key = await importKeyOf(deps, scope);
  return await work(privateKeyOf({ key }));
}

/** Returns the private key, PKCS#8. The caller zeroes it. */
export async function importKeyOf(deps: ImportKeyDeps, { workspaceId, region }: ImportKeyScope): Promise<Sensitive> {
  const { database, keyring, deploymentId } = deps;
  const find = () => findImportKey(database, workspaceId, region);
  const stored = (await find()) ?? (await makeImportKey(deps, { workspaceId, region }, find));
  return unwrapWithRoot(keyring, importKeyAad(deploymentId, workspaceId, region), stored);
}

/** Creates and stores a key. Returns the stored one: the first, when several calls create it at once. */
async function makeImportKey(
  { database, keyring, deploymentId, random }: ImportKeyDeps,
  { workspaceId, region }: ImportKeyScope,
  find: () => Promise<StoredImportKey | undefined>,
): Promise<StoredImportKey> {
  using key = await newRsaKey(modulusBits);
  const wrapped = wrapWithRoot(keyring, importKeyAad(deploymentId, workspaceId, region), key, random);
  await insertImportKey(database, { workspaceId, region, ...wrapped });
  const stored = await find();
  if (!stored) throw new Error("a key that was just stored is gone");
  return stored;
}
