// Sign, Verify, ComputeMac, VerifyMac and GetPublicKey, on the real servers, against openssl and node:crypto.
import { constants, createHash, createHmac, verify } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { HashAlgorithm, type Key } from "../../../gen/coffer/v1/key_service_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, expectErrors, invalid } from "../../support/errors.ts";
import { openssl, usesOf, utf8 } from "../../support/key-uses.ts";
import { createKey } from "../../support/keys.ts";
import { createSecret, present } from "../../support/secrets.ts";

const coffer = useCoffer();
const { SHA256, SHA384, SHA512, UNSPECIFIED } = HashAlgorithm;
const hashNames = { [SHA256]: "sha256", [SHA384]: "sha384", [SHA512]: "sha512" } as Record<HashAlgorithm, string>;
const rsa = ["rsa-2048", "rsa-3072", "rsa-4096"];
const ec = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521"];
const usual: Record<string, string> = {
  ...Object.fromEntries(rsa.map((name) => [name, "sha256"])),
  ...{ "ecdsa-p256": "sha256", "ecdsa-p384": "sha384", "ecdsa-p521": "sha512" },
};
const made = new Map<string, Key>();
const keyOf = (algorithm: string) => made.get(algorithm) as Key;
const input = utf8("message");

beforeAll(async () => {
  for (const algorithm of [...rsa, ...ec, "ed25519", "hmac", "hmac-sha256", "hmac-sha512"]) {
    made.set(algorithm, await createKey(coffer, { algorithm }));
  }
}, 120_000);

async function pemOf({ id }: Key): Promise<string> {
  return present((await coffer.clients().keys.getPublicKey({ id })).publicKeys.at(-1)).pem;
}

function changedAt(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
}

describe("signatures", () => {
  it.each([...rsa, ...ec])(
    "by %s are verified by openssl, by node and by coffer, with each hash",
    async (algorithm) => {
      const key = keyOf(algorithm);
      const { keys } = coffer.clients();
      const pub = await pemOf(key);
      for (const hashAlgorithm of [UNSPECIFIED, SHA256, SHA384, SHA512]) {
        const { signature, keyVersion } = await keys.sign({ id: key.id, input, hashAlgorithm });
        expect(keyVersion).toBe(1);
        const hash = hashNames[hashAlgorithm] ?? (usual[algorithm] as string);
        const pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"];
        const args = [
          "dgst",
          `-${hash}`,
          "-verify",
          "pub",
          "-signature",
          "sig",
          ...(rsa.includes(algorithm) ? pss : []),
        ];
        expect(openssl([...args, "data"], { pub, sig: signature, data: input }).toString()).toContain("Verified OK");
        const padding = rsa.includes(algorithm) ? { padding: constants.RSA_PKCS1_PSS_PADDING } : {};
        expect(verify(hash, input, { key: pub, ...padding }, signature)).toBe(true);
        const check = { id: key.id, input, hashAlgorithm, signature };
        expect(await keys.verify(check)).toMatchObject({ valid: true, keyVersion: 1 });
      }
    },
  );

  it.each([...rsa, ...ec])("by %s of a hash are those of what was hashed, with each hash", async (algorithm) => {
    const { id } = keyOf(algorithm);
    const { keys } = coffer.clients();
    const pub = await pemOf(keyOf(algorithm));
    const padding = rsa.includes(algorithm) ? { padding: constants.RSA_PKCS1_PSS_PADDING } : {};
    for (const hashAlgorithm of [SHA256, SHA384, SHA512]) {
      const hash = present(hashNames[hashAlgorithm]);
      const digest = createHash(hash).update(input).digest();
      const init = { id, hashAlgorithm };
      const { signature } = await keys.sign({ ...init, input: digest, prehashed: true });
      const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
      expect(
        verify(hash, input, { key: pub, ...padding, ...(rsa.includes(algorithm) ? { saltLength } : {}) }, signature),
      ).toBe(true);
      expect((await keys.verify({ ...init, input, signature })).valid).toBe(true);
      const byInput = (await keys.sign({ ...init, input })).signature;
      expect((await keys.verify({ ...init, input: digest, prehashed: true, signature: byInput })).valid).toBe(true);
      for (const bad of [
        { input: createHash(hash).update("other").digest(), signature },
        { input: digest, signature: changedAt(signature, 12) },
        { input: digest, signature: signature.slice(1) },
      ]) {
        expect((await keys.verify({ ...init, prehashed: true, ...bad })).valid).toBe(false);
      }
      const short = { ...init, input: digest.subarray(1), prehashed: true };
      await expectError(keys.sign(short), invalid("input"));
      await expectError(keys.verify({ ...short, signature }), invalid("input"));
    }
  });

  it("by ed25519 are verified by openssl and by coffer", async () => {
    const key = keyOf("ed25519");
    const { keys } = coffer.clients();
    const { signature } = await keys.sign({ id: key.id, input });
    expect(signature.byteLength).toBe(64);
    const args = ["pkeyutl", "-verify", "-pubin", "-inkey", "pub", "-rawin", "-in", "data", "-sigfile", "sig"];
    const output = openssl(args, { pub: await pemOf(key), data: input, sig: signature });
    expect(output.toString()).toContain("Signature Verified Successfully");
    expect((await keys.verify({ id: key.id, input, signature })).valid).toBe(true);
  });

  it.each([...rsa, ...ec, "ed25519"])(
    "by %s are not valid when a byte of input or signature differs",
    async (algorithm) => {
      const { id } = keyOf(algorithm);
      const { keys } = coffer.clients();
      const { signature } = await keys.sign({ id, input });
      const changed = Uint8Array.from(signature);
      changed[10] = (changed[10] as number) ^ 1;
      for (const bad of [
        { input: utf8("massage"), signature },
        { input, signature: changed },
        { input, signature: signature.slice(0, -1) },
        { input, signature: utf8("x") },
      ]) {
        expect((await keys.verify({ id, ...bad })).valid).toBe(false);
      }
      if (algorithm !== "ed25519") {
        const hashAlgorithm = usual[algorithm] === "sha512" ? SHA384 : SHA512;
        expect((await keys.verify({ id, input, signature, hashAlgorithm })).valid).toBe(false);
      }
    },
  );

  it("of older versions are valid after a rotation, and say which version made them", async () => {
    const { keys } = coffer.clients();
    for (const algorithm of ["rsa-2048", "ecdsa-p256", "ed25519"]) {
      const { id } = await createKey(coffer, { algorithm });
      const old = await keys.sign({ id, input });
      await keys.rotateKey({ id });
      const now = await keys.sign({ id, input });
      const asked = await keys.sign({ id, input, keyVersion: 1 });
      expect([now.keyVersion, asked.keyVersion]).toEqual([2, 1]);
      for (const { signature, keyVersion } of [old, now, asked]) {
        expect(await keys.verify({ id, input, signature })).toMatchObject({ valid: true, keyVersion });
        expect((await keys.verify({ id, input, signature, keyVersion })).valid).toBe(true);
        expect((await keys.verify({ id, input, signature, keyVersion: 3 - keyVersion })).valid).toBe(false);
      }
      const { publicKeys } = await keys.getPublicKey({ id });
      expect(publicKeys.map(({ keyVersion }) => keyVersion)).toEqual([1, 2]);
      expect((await keys.getPublicKey({ id, keyVersion: 1 })).publicKeys).toEqual(publicKeys.slice(0, 1));
    }
  }, 60_000);

  it("are audited with the version that was used", async () => {
    const { keys } = coffer.clients();
    const { id } = await createKey(coffer, { algorithm: "ed25519" });
    const { signature } = await keys.sign({ id, input });
    await keys.verify({ id, input, signature });
    await keys.getPublicKey({ id });
    expect(await usesOf(coffer, id)).toEqual(["Sign 1 OK 1", "Verify 1 OK 1"]);
  });
});

describe("MACs", () => {
  it.each([
    ["hmac", UNSPECIFIED, 32],
    ["hmac", SHA256, 32],
    ["hmac", SHA384, 48],
    ["hmac", SHA512, 64],
    ["hmac-sha256", UNSPECIFIED, 32],
    ["hmac-sha256", SHA256, 32],
    ["hmac-sha512", UNSPECIFIED, 64],
    ["hmac-sha512", SHA512, 64],
  ])("by %s with hash %i have %i bytes, and no other is valid", async (algorithm, hashAlgorithm, size) => {
    const { id } = keyOf(algorithm);
    const { keys } = coffer.clients();
    const { mac, keyVersion } = await keys.computeMac({ id, input, hashAlgorithm });
    expect([mac.byteLength, keyVersion]).toEqual([size, 1]);
    expect(await keys.verifyMac({ id, input, hashAlgorithm, mac })).toMatchObject({ valid: true, keyVersion: 1 });
    const changed = Uint8Array.from(mac);
    changed[0] = (changed[0] as number) ^ 1;
    for (const bad of [changed, mac.slice(1), utf8("x")]) {
      expect((await keys.verifyMac({ id, input, hashAlgorithm, mac: bad })).valid).toBe(false);
    }
    expect((await keys.verifyMac({ id, input: utf8("other"), hashAlgorithm, mac })).valid).toBe(false);
  });

  it("are those of node:crypto with the exported key, and of older versions after a rotation", async () => {
    const { keys } = coffer.clients();
    const { id } = await createKey(coffer, { algorithm: "hmac-sha512", exportAllowed: true });
    const { keyMaterial } = await keys.exportKey({ id });
    expect(keyMaterial.byteLength).toBe(64);
    const { mac } = await keys.computeMac({ id, input });
    expect(Buffer.from(mac)).toEqual(createHmac("sha512", keyMaterial).update(input).digest());
    await keys.rotateKey({ id });
    expect(await keys.verifyMac({ id, input, mac })).toMatchObject({ valid: true, keyVersion: 1 });
    expect((await keys.computeMac({ id, input })).keyVersion).toBe(2);
  });
});

describe("rejects", () => {
  const cannot = { code: "InvalidArgument", reason: "KEY_USE_UNSUPPORTED", fields: ["id"] };

  it("keys that cannot do it", async () => {
    const { keys } = coffer.clients();
    const { id: symmetric } = await createKey(coffer);
    for (const id of [symmetric, keyOf("hmac").id]) {
      await expectError(keys.sign({ id, input }), cannot);
      await expectError(keys.verify({ id, input, signature: utf8("s") }), cannot);
      await expectError(keys.getPublicKey({ id }), cannot);
    }
    for (const id of [symmetric, keyOf("ed25519").id, keyOf("rsa-2048").id]) {
      await expectError(keys.computeMac({ id, input }), cannot);
      await expectError(keys.verifyMac({ id, input, mac: utf8("m") }), cannot);
    }
  });

  it("a hash that the key does not take, empty and long input, unknown versions", async () => {
    const { keys } = coffer.clients();
    const [ed25519, mac, rsaKey] = [keyOf("ed25519").id, keyOf("hmac-sha256").id, keyOf("rsa-2048").id];
    const bad = "hash_algorithm";
    await expectError(keys.sign({ id: ed25519, input, hashAlgorithm: SHA256 }), invalid(bad));
    await expectError(keys.computeMac({ id: mac, input, hashAlgorithm: SHA512 }), invalid(bad));
    await expectError(keys.sign({ id: ed25519, input, prehashed: true }), invalid("prehashed"));
    await expectError(keys.sign({ id: rsaKey, input, hashAlgorithm: 9 as HashAlgorithm }), invalid(bad));
    await expectError(keys.sign({ id: rsaKey, input: utf8("") }), invalid("input"));
    await expectError(keys.sign({ id: rsaKey, input: new Uint8Array(65_537) }), invalid("input"));
    await expectError(keys.verify({ id: rsaKey, input, signature: utf8("") }), invalid("signature"));
    await expectError(keys.verifyMac({ id: mac, input, mac: new Uint8Array(65) }), invalid("mac"));
    await expectError(keys.sign({ id: rsaKey, input, keyVersion: 7 }), invalid("key_version"));
    await expectError(keys.verify({ id: rsaKey, input, signature: utf8("s"), keyVersion: 7 }), invalid("key_version"));
    await expectError(keys.getPublicKey({ id: rsaKey, keyVersion: 7 }), invalid("key_version"));
  });

  it("keys that are not active, but shows their public keys", async () => {
    const { keys } = coffer.clients();
    const { id } = await createKey(coffer, { algorithm: "ecdsa-p256" });
    await keys.disableKey({ id });
    await expectError(keys.sign({ id, input }), { reason: "KEY_NOT_ACTIVE" });
    await expectError(keys.verify({ id, input, signature: utf8("s") }), { reason: "KEY_NOT_ACTIVE" });
    expect((await keys.getPublicKey({ id })).publicKeys).toHaveLength(1);
  });

  it.each(["rsa-2048", "ecdsa-p256", "ed25519", "hmac"])("a secret under a key of %s", async (algorithm) => {
    const unfit = { code: "InvalidArgument", reason: "KEY_USE_UNSUPPORTED", fields: ["kms_key_id"] };
    const { message } = await expectError(createSecret(coffer, { kmsKeyId: keyOf(algorithm).id }), unfit);
    expect(message).toContain("aes256-gcm96");
  });
});

it("denies who lacks the permission, and those of another workspace", async () => {
  const { id } = keyOf("ecdsa-p256");
  const { id: mac } = keyOf("hmac");
  const viewer = coffer.clients(await coffer.tokenWithRole(Role.VIEWER)).keys;
  await expectError(viewer.sign({ id, input }), denied("keys.sign"));
  await expectError(viewer.verify({ id, input, signature: utf8("s") }), denied("keys.verify"));
  await expectError(viewer.computeMac({ id: mac, input }), denied("keys.sign"));
  await expectError(viewer.verifyMac({ id: mac, input, mac: utf8("m") }), denied("keys.verify"));
  const { ownerToken } = await otherWorkspace(coffer);
  const foreign = coffer.clients(ownerToken).keys;
  const calls = [foreign.sign({ id, input }), foreign.computeMac({ id: mac, input }), foreign.getPublicKey({ id })];
  await expectErrors(calls, { code: "NotFound", reason: "KEY_NOT_FOUND" });
  await expectError(coffer.clients("none").keys.sign({ id, input }), { code: "Unauthenticated" });
});
