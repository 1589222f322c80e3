// ExportKey: returns the material of an exportable key.

import { CofferError } from "../../domain/error/errors.ts";
import { Sensitive } from "../../domain/sensitive.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { type KeyInUse, type Used, type UseKeyDeps, useKey, versionNumberOf } from "../../steps/keys/use-key.ts";

export interface ExportedKey {
  /** A copy: raw bytes, or PKCS#8 of a private key. */
  material: Sensitive;
  keyVersion: number;
}

/** Fails with KEY_NOT_EXPORTABLE, FIELD_INVALID and as `useKey` does. */
export async function exportKey(
  deps: UseKeyDeps,
  caller: Caller,
  { kmsKeyId, keyVersion }: { kmsKeyId: string; keyVersion: number },
): Promise<ExportedKey> {
  let material: Sensitive | undefined;
  const asked = { kmsKeyId, permission: "keys.export", use: undefined } as const;
  const work = async (inUse: KeyInUse, used: Used[]): Promise<ExportedKey> => {
    if (!inUse.key.exportAllowed) {
      const message = `key ${kmsKeyId} was created without leave to be exported, which cannot be changed; create another key`;
      throw new CofferError("KEY_NOT_EXPORTABLE", message, { kms_key_id: kmsKeyId });
    }
    const number = versionNumberOf(inUse.key, keyVersion);
    const { key } = await inUse.version(number);
    used.push({ version: number, result: "OK" });
    material = new Sensitive(Uint8Array.from(key.reveal()));
    return { material, keyVersion: number };
  };
  try {
    return await useKey(deps, caller, asked, work);
  } catch (error) {
    // Zero the copy when the audit event could not be recorded.
    material?.zero();
    throw error;
  }
}
