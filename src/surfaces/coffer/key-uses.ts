// The methods of coffer.v1.KeyService that use keys, or return their public part or material.
import type { ServiceImpl } from "@connectrpc/connect";
import type { KeyService } from "../../../gen/coffer/v1/key_service_pb.ts";
import { callerOf } from "../../call/caller.ts";
import { statusOf } from "../../call/error-details.ts";
import { CofferError } from "../../domain/error/errors.ts";
import { batchDecrypt, type Decrypted, decrypt } from "../../operations/keys/decrypt.ts";
import { batchEncrypt, encrypt } from "../../operations/keys/encrypt.ts";
import { exportKey } from "../../operations/keys/export.ts";
import { getWrappingKey } from "../../operations/keys/get-wrapping-key.ts";
import { computeMac, verifyMac } from "../../operations/keys/mac.ts";
import { getPublicKeys } from "../../operations/keys/public-key.ts";
import { signInput, verifySignature } from "../../operations/keys/sign.ts";
import type { Deps } from "../../runtime/deps.ts";
import { toHash } from "./key-messages.ts";

type KeyUses =
  | "encrypt"
  | "decrypt"
  | "batchEncrypt"
  | "batchDecrypt"
  | "sign"
  | "verify"
  | "computeMac"
  | "verifyMac"
  | "getPublicKey"
  | "exportKey"
  | "getWrappingKey";

export function keyUses(deps: Deps): Pick<ServiceImpl<typeof KeyService>, KeyUses> {
  return {
    async encrypt({ id: kmsKeyId, keyVersion, plaintext, context: data }, context) {
      return encrypt(deps, callerOf(context), { kmsKeyId, keyVersion, plaintext, context: data });
    },

    async decrypt({ id: kmsKeyId, keyVersion, ciphertext, context: data }, context) {
      const input = { kmsKeyId, keyVersion, ciphertext, context: data };
      return toDecrypted(await decrypt(deps, callerOf(context), input));
    },

    async batchEncrypt({ id: kmsKeyId, keyVersion, requests }, context) {
      return { results: await batchEncrypt(deps, callerOf(context), { kmsKeyId, keyVersion }, requests) };
    },

    async batchDecrypt({ id, requests }, context) {
      const results = await batchDecrypt(deps, callerOf(context), id, requests);
      return {
        results: results.map((result) => ({
          result:
            result instanceof CofferError
              ? { case: "error" as const, value: statusOf(result) }
              : { case: "decrypted" as const, value: toDecrypted(result) },
        })),
      };
    },

    async sign({ id: kmsKeyId, keyVersion, input, hashAlgorithm, prehashed }, context) {
      const asked = { kmsKeyId, keyVersion, input, hash: toHash(hashAlgorithm), prehashed };
      return signInput(deps, callerOf(context), asked);
    },

    async verify({ id: kmsKeyId, keyVersion, input, hashAlgorithm, prehashed, signature }, context) {
      const asked = { kmsKeyId, keyVersion, input, hash: toHash(hashAlgorithm), prehashed, signature };
      return verifySignature(deps, callerOf(context), asked);
    },

    async computeMac({ id: kmsKeyId, keyVersion, input, hashAlgorithm }, context) {
      return computeMac(deps, callerOf(context), { kmsKeyId, keyVersion, input, hash: toHash(hashAlgorithm) });
    },

    async verifyMac({ id: kmsKeyId, keyVersion, input, hashAlgorithm, mac }, context) {
      return verifyMac(deps, callerOf(context), { kmsKeyId, keyVersion, input, hash: toHash(hashAlgorithm), mac });
    },

    async getPublicKey({ id: kmsKeyId, keyVersion }, context) {
      return { publicKeys: await getPublicKeys(deps, callerOf(context), { kmsKeyId, keyVersion }) };
    },

    async exportKey({ id: kmsKeyId, keyVersion: asked }, context) {
      const { material, keyVersion } = await exportKey(deps, callerOf(context), { kmsKeyId, keyVersion: asked });
      return { keyMaterial: material.reveal(), keyVersion };
    },

    async getWrappingKey({ region }, context) {
      return { publicKey: await getWrappingKey(deps, callerOf(context), region) };
    },
  };
}

function toDecrypted({ plaintext, keyVersion }: Decrypted) {
  return { plaintext: plaintext.reveal(), keyVersion };
}
