// Thalassa Cloud's requests that use keys, or read their public part or material.
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { KeyService } from "../../../gen/coffer/rest/thalassa/v1/key_service_pb.ts";
import { callerOf } from "../../call/caller.ts";
import type { Permission } from "../../domain/access/permission.ts";
import { decrypt } from "../../operations/keys/decrypt.ts";
import { encrypt } from "../../operations/keys/encrypt.ts";
import { exportKey } from "../../operations/keys/export.ts";
import { getWrappingKey } from "../../operations/keys/get-wrapping-key.ts";
import { computeMac, verifyMac } from "../../operations/keys/mac.ts";
import { getPublicKeys } from "../../operations/keys/public-key.ts";
import { signInput, verifySignature } from "../../operations/keys/sign.ts";
import type { Deps } from "../../runtime/deps.ts";
import { keyIdIn } from "../../steps/keys/region-key.ts";
import { toHash, toKeyVersion } from "./key-messages.ts";
import { regionIn } from "./secret-address.ts";

type KeyUses =
  | "encrypt"
  | "decrypt"
  | "sign"
  | "verify"
  | "computeHmac"
  | "verifyHmac"
  | "getPublicKey"
  | "exportKey"
  | "getWrappingKey";

interface Asked {
  region: string;
  identity: string;
  keyVersion: string;
}

export function keyUses(deps: Deps): Pick<ServiceImpl<typeof KeyService>, KeyUses> {
  /** Returns the key and version of a request. Only callers that may use the key learn that the version is not valid. */
  const target = async (context: HandlerContext, permission: Permission, { region, identity, keyVersion }: Asked) => ({
    kmsKeyId: await keyIdIn(deps, callerOf(context), permission, { region: regionIn(deps, region), identity }),
    keyVersion: toKeyVersion(keyVersion),
  });
  return {
    async encrypt(request, context) {
      const { plaintext, context: data } = request;
      const input = { ...(await target(context, "keys.encrypt", request)), plaintext, context: data };
      return withText(await encrypt(deps, callerOf(context), input));
    },

    async decrypt(request, context) {
      const { ciphertext, context: data } = request;
      const input = { ...(await target(context, "keys.decrypt", request)), ciphertext, context: data };
      const { plaintext, keyVersion } = await decrypt(deps, callerOf(context), input);
      return { plaintext: plaintext.reveal(), keyVersion: String(keyVersion) };
    },

    async sign(request, context) {
      const { input, prehashed } = request;
      const key = await target(context, "keys.sign", request);
      const hash = toHash(request.hashAlgorithm, "hash_algorithm");
      return withText(await signInput(deps, callerOf(context), { ...key, input, hash, prehashed }));
    },

    async verify(request, context) {
      const { input, signature, prehashed } = request;
      const key = await target(context, "keys.verify", request);
      const hash = toHash(request.hashAlgorithm, "hash_algorithm");
      const asked = { ...key, input, hash, prehashed, signature };
      const { valid } = await verifySignature(deps, callerOf(context), asked);
      return { valid };
    },

    async computeHmac(request, context) {
      const key = await target(context, "keys.sign", request);
      const hash = toHash(request.algorithm, "algorithm");
      const asked = { ...key, input: request.input, hash, hashField: "algorithm" };
      const { mac, keyVersion } = await computeMac(deps, callerOf(context), asked);
      return { hmac: mac, keyVersion: String(keyVersion) };
    },

    async verifyHmac(request, context) {
      const { input, hmac: mac } = request;
      const key = await target(context, "keys.verify", request);
      const hash = toHash(request.hashAlgorithm, "hash_algorithm");
      return withText(await verifyMac(deps, callerOf(context), { ...key, input, hash, mac }));
    },

    async getPublicKey({ version, ...request }, context) {
      const key = await target(context, "keys.read", { ...request, keyVersion: "" });
      const asked = { ...key, keyVersion: toKeyVersion(version, "version"), versionField: "version" };
      const keys = await getPublicKeys(deps, callerOf(context), asked);
      return { keys: Object.fromEntries(keys.map(({ keyVersion, pem }) => [keyVersion, pem])) };
    },

    async exportKey(request, context) {
      const input = await target(context, "keys.export", request);
      const { material, keyVersion } = await exportKey(deps, callerOf(context), input);
      return { keyMaterial: material.reveal(), keyVersion: String(keyVersion) };
    },

    async getWrappingKey({ region }, context) {
      const publicKey = await getWrappingKey(deps, callerOf(context), regionIn(deps, region));
      return { publicKey, algorithm: "RSA-OAEP-SHA256" };
    },
  };
}

function withText<T extends { keyVersion: number }>(answer: T) {
  return { ...answer, keyVersion: String(answer.keyVersion) };
}
