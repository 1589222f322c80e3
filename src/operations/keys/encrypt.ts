// Encrypt and BatchEncrypt: encrypts data of callers with a key version.

import { invalidField, withinField } from "../../domain/error/errors.ts";
import { Sensitive } from "../../domain/sensitive.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { isAlgorithm, type KeyAlgorithm, keySpec } from "../../envelope/algorithms.ts";
import { writeHead } from "../../envelope/ciphertext-head.ts";
import { encryptData } from "../../envelope/data-encryption.ts";
import { publicKeyOf } from "../../envelope/key-objects.ts";
import type { KeyVersion } from "../../envelope/key-version.ts";
import { encryptOaep, oaepSizeBytesMax } from "../../envelope/rsa-encryption.ts";
import type { Deps } from "../../runtime/deps.ts";
import { type UseKeyDeps, useKey, versionNumberOf } from "../../steps/keys/use-key.ts";

export type EncryptDeps = UseKeyDeps & Pick<Deps, "random">;

export interface EncryptItem {
  /** Zeroed after encryption. */
  plaintext: Uint8Array;
  context: Uint8Array;
}

export interface EncryptInput {
  kmsKeyId: string;
  /** 0: the primary version. */
  keyVersion: number;
}

export interface Encrypted {
  ciphertext: Uint8Array;
  keyVersion: number;
}

/** Fails with FIELD_INVALID and as `useKey` does. */
export async function encrypt(
  deps: EncryptDeps,
  caller: Caller,
  { plaintext, context, ...input }: EncryptInput & EncryptItem,
): Promise<Encrypted> {
  const [encrypted] = await encryptAll(deps, caller, input, [{ plaintext, context }], (_, work) => work());
  return encrypted as Encrypted;
}

/** Encrypts all items or none. The error names the items that break a rule. */
export async function batchEncrypt(
  deps: EncryptDeps,
  caller: Caller,
  input: EncryptInput,
  items: readonly EncryptItem[],
): Promise<Encrypted[]> {
  return encryptAll(deps, caller, input, items, (index, work) => withinField(`requests[${index}]`, work));
}

async function encryptAll(
  deps: EncryptDeps,
  caller: Caller,
  { kmsKeyId, keyVersion }: EncryptInput,
  items: readonly EncryptItem[],
  within: (index: number, work: () => Uint8Array) => Uint8Array,
): Promise<Encrypted[]> {
  try {
    return await useKey(deps, caller, { kmsKeyId, permission: "keys.encrypt", use: "encrypt" }, async (inUse, used) => {
      const { workspaceId } = inUse.key;
      const version = await inUse.version(versionNumberOf(inUse.key, keyVersion));
      const ciphertexts = items.map((item, index) => within(index, () => encryptOne(deps, workspaceId, version, item)));
      used.push(...items.map(() => ({ version: version.version, result: "OK" as const })));
      return ciphertexts.map((ciphertext) => ({ ciphertext, keyVersion: version.version }));
    });
  } finally {
    for (const { plaintext } of items) plaintext.fill(0);
  }
}

function encryptOne(
  { random }: EncryptDeps,
  workspaceId: string,
  version: KeyVersion<KeyAlgorithm>,
  { plaintext, context }: EncryptItem,
): Uint8Array {
  const { algorithm } = version;
  if (isAlgorithm(algorithm)) {
    const keyVersion = { ...version, algorithm };
    return encryptData({ keyVersion, workspaceId, context }, new Sensitive(plaintext), random);
  }
  const spec = keySpec(algorithm);
  if (spec.kind !== "rsa") throw new Error("a key that cannot encrypt was let through");
  checkNoContext(algorithm, context);
  const publicKey = publicKeyOf(version);
  const max = oaepSizeBytesMax(publicKey, "sha256");
  if (plaintext.byteLength > max) {
    throw invalidField("plaintext", `must have at most ${max} bytes for ${algorithm}; symmetric keys encrypt more`);
  }
  const { wireNumber } = spec;
  return Buffer.concat([
    writeHead({ wireNumber, version: version.version }),
    encryptOaep(publicKey, plaintext, "sha256"),
  ]);
}

export function checkNoContext(algorithm: KeyAlgorithm, context: Uint8Array): void {
  if (context.byteLength === 0) return;
  throw invalidField("context", `is only for symmetric keys; ${algorithm} keys have no additional data`);
}
