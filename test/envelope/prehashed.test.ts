// Signatures of hashes against node:crypto, many times over, and with the vectors of RFC 6979 and of odd inputs.
import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from "node:crypto";
import { describe, expect, it } from "vitest";
import type { HashName } from "../../src/domain/key/hash-name.ts";
import type { KeyAlgorithm } from "../../src/envelope/algorithms.ts";
import { verifyDigestEcdsa } from "../../src/envelope/ecdsa-digest.ts";
import { pkcs8Of } from "../../src/envelope/key-objects.ts";
import { signDigest, verifyDigest } from "../../src/envelope/prehashed.ts";
import { random } from "./fixtures.ts";

const curves = { "ecdsa-p256": "P-256", "ecdsa-p384": "P-384", "ecdsa-p521": "P-521" } as const;
const hashNames = { "sha2-256": "sha256", "sha2-384": "sha384", "sha2-512": "sha512" } as const;
const versionOf = (algorithm: KeyAlgorithm, key: KeyObject) => ({
  kmsKeyId: "kms_1",
  version: 1,
  algorithm,
  key: pkcs8Of(key),
});

describe.each(Object.entries(curves))("%s", (algorithm, namedCurve) => {
  it("makes what node verifies and verifies what node makes, for 20 keys and every hash", async () => {
    for (let i = 0; i < 20; i++) {
      const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve });
      const version = versionOf(algorithm as KeyAlgorithm, privateKey);
      const message = randomBytes(i + 1);
      for (const [name, hash] of Object.entries(hashNames) as [HashName, string][]) {
        const digest = createHash(hash).update(message).digest();
        const own = await signDigest(version, digest, name, random);
        expect(verify(hash, message, publicKey, own)).toBe(true);
        const theirs = sign(hash, message, privateKey);
        expect(await verifyDigest(version, digest, name, theirs)).toBe(true);
        const changed = Buffer.from(theirs);
        const at = i % changed.byteLength;
        changed[at] = (changed[at] as number) ^ (1 << (i % 8));
        expect(await verifyDigest(version, digest, name, changed)).toBe(verify(hash, message, publicKey, changed));
        expect(await verifyDigest(version, createHash(hash).update("x").digest(), name, theirs)).toBe(false);
      }
    }
  });

  it("refuses signatures that are no two numbers below the order, and other encodings of two that are", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve });
    const digest = createHash("sha256").update("m").digest();
    const good = sign("sha256", Buffer.from("m"), privateKey);
    const bad = ["", "30", "3000", "3006020100020100", "3006020101020101", "3006020100020101", "30060201ff0201ff"];
    for (const hex of bad) expect(await verifyDigestEcdsa(publicKey, digest, Buffer.from(hex, "hex"))).toBe(false);
    for (const odd of [
      Buffer.concat([good, Buffer.alloc(1)]),
      good.subarray(0, -1),
      Buffer.concat([Buffer.alloc(1), good]),
    ]) {
      expect(await verifyDigestEcdsa(publicKey, digest, odd)).toBe(false);
    }
  });

  it("takes hashes of zeros and of ones", async () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve });
    const version = versionOf(algorithm as KeyAlgorithm, privateKey);
    for (const digest of [Buffer.alloc(32), Buffer.alloc(32, 0xff)]) {
      expect(
        await verifyDigest(version, digest, "sha2-256", await signDigest(version, digest, "sha2-256", random)),
      ).toBe(true);
    }
  });
});

it("verifies the signature of RFC 6979, A.2.5 (P-256, SHA-256, sample), and no other message by it", async () => {
  const x = Buffer.from("60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6", "hex").toString(
    "base64url",
  );
  const y = Buffer.from("7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299", "hex").toString(
    "base64url",
  );
  const key = createPublicKey({ format: "jwk", key: { kty: "EC", crv: "P-256", x, y } });
  const r = "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716";
  const s = "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8";
  const signature = Buffer.from(`3046022100${r}022100${s}`, "hex");
  const digestOf = (text: string) => createHash("sha256").update(text).digest();
  expect(await verifyDigestEcdsa(key, digestOf("sample"), signature)).toBe(true);
  expect(await verifyDigestEcdsa(key, digestOf("test"), signature)).toBe(false);
});

it("RSA-PSS: makes what node verifies, and verifies what node makes with salts of any length", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const version = versionOf("rsa-2048", privateKey);
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  for (const [name, hash] of Object.entries(hashNames) as [HashName, string][]) {
    for (let i = 0; i < 20; i++) {
      const message = randomBytes(20);
      const digest = createHash(hash).update(message).digest();
      const own = await signDigest(version, digest, name, random);
      expect(
        verify(hash, message, { key: publicKey, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }, own),
      ).toBe(true);
      const theirs = sign(hash, message, { key: privateKey, padding, saltLength: i });
      expect(await verifyDigest(version, digest, name, theirs)).toBe(true);
      theirs[i] = (theirs[i] as number) ^ 1;
      expect(await verifyDigest(version, digest, name, theirs)).toBe(false);
      const pkcs1 = sign(hash, message, privateKey);
      expect(await verifyDigest(version, digest, name, pkcs1)).toBe(false);
    }
    expect(await verifyDigest(version, randomBytes(32), name, Buffer.alloc(256, 0xff))).toBe(false);
  }
});
