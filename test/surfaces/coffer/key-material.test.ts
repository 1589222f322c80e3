// Keys that are imported and exported, on the real servers.
import { createHmac, generateKeyPairSync, randomBytes, sign, verify } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { HashAlgorithm } from "../../../gen/coffer/v1/key_service_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { startCoffer, useCoffer } from "../../support/coffer.ts";
import { denied, expectError, expectErrors, invalid } from "../../support/errors.ts";
import { usesOf, utf8, wrapWithAes, wrapWithOpenssl } from "../../support/key-uses.ts";
import { createKey } from "../../support/keys.ts";
import { twice } from "../../support/replay.ts";
import { createSecret, newName, present, readText } from "../../support/secrets.ts";

const coffer = useCoffer({ env: { COFFER_REGIONS: "default,eu-1" } });
let wrappingKey = "";
beforeAll(async () => {
  wrappingKey = (await coffer.clients().keys.getWrappingKey({})).publicKey;
}, 60_000);

const pkcs8 = (type: "rsa" | "ec" | "ed25519", options: object = {}) =>
  generateKeyPairSync(type as "rsa", { modulusLength: 2048, ...options }).privateKey.export({
    format: "der",
    type: "pkcs8",
  });
const imported = (algorithm: string, importKeyMaterial: Uint8Array, init: object = {}) =>
  createKey(coffer, { algorithm, exportAllowed: true, import: { importKeyMaterial, ...init } });

async function exported({ id }: { id: string }): Promise<Buffer> {
  return Buffer.from((await coffer.clients().keys.exportKey({ id })).keyMaterial);
}

describe("import", () => {
  it.each([
    ["aes128-gcm96", 16],
    ["aes256-gcm96", 32],
    ["chacha20-poly1305", 32],
    ["hmac", 16],
    ["hmac-sha256", 131],
    ["hmac-sha512", 446],
  ])(
    "takes a key of %s with %i bytes, which openssl has wrapped, and exports the same bytes",
    async (algorithm, size) => {
      const material = randomBytes(size);
      const key = await imported(algorithm, wrapWithOpenssl(wrappingKey, material));
      expect(key).toMatchObject({ algorithm, imported: true, exportAllowed: true, rotationAllowed: false });
      expect(await exported(key)).toEqual(material);
    },
  );

  it.each<[string, () => Uint8Array]>([
    ["aes256-gcm96", () => randomBytes(32)],
    ["hmac", () => randomBytes(512)],
    ["rsa-2048", () => pkcs8("rsa")],
    ["ecdsa-p256", () => pkcs8("ec", { namedCurve: "P-256" })],
    ["ecdsa-p384", () => pkcs8("ec", { namedCurve: "P-384" })],
    ["ecdsa-p521", () => pkcs8("ec", { namedCurve: "P-521" })],
    ["ed25519", () => pkcs8("ed25519")],
  ])(
    "takes a key of %s as CKM_RSA_AES_KEY_WRAP wraps it, with each hash, and exports the same bytes",
    async (algorithm, make) => {
      const material = make();
      for (const [hashFunction, name] of [
        [HashAlgorithm.UNSPECIFIED, "sha256"],
        [HashAlgorithm.SHA384, "sha384"],
        [HashAlgorithm.SHA512, "sha512"],
      ] as const) {
        const key = await imported(algorithm, wrapWithAes(wrappingKey, material, name), { hashFunction });
        expect(await exported(key)).toEqual(Buffer.from(material));
      }
    },
  );

  it("makes MACs of RFC 4231, test cases 1, 2 and 6", async () => {
    const { keys } = coffer.clients();
    for (const [material, input, mac] of [
      [Buffer.alloc(20, 0x0b), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
      [
        Buffer.alloc(131, 0xaa),
        "Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
      ],
    ] as const) {
      const { id } = await imported("hmac-sha256", wrapWithOpenssl(wrappingKey, material));
      const computed = await keys.computeMac({ id, input: utf8(input) });
      expect(Buffer.from(computed.mac).toString("hex")).toBe(mac);
      expect((await keys.verifyMac({ id, input: utf8(input), mac: Buffer.from(mac, "hex") })).valid).toBe(true);
    }
  });

  it("signs as RFC 8032 has it for ed25519, test 3", async () => {
    const seed = "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7";
    const expected =
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";
    const material = Buffer.from(`302e020100300506032b657004220420${seed}`, "hex");
    const key = await imported("ed25519", wrapWithOpenssl(wrappingKey, material));
    const { signature } = await coffer.clients().keys.sign({ id: key.id, input: Buffer.from("af82", "hex") });
    expect(Buffer.from(signature).toString("hex")).toBe(expected);
  });

  it("verifies what its owner has signed elsewhere", async () => {
    const material = pkcs8("ec", { namedCurve: "P-256" });
    const { id } = await imported("ecdsa-p256", wrapWithAes(wrappingKey, material));
    const input = utf8("before");
    const signature = sign("sha256", input, { key: material, format: "der", type: "pkcs8" });
    const { keys } = coffer.clients();
    expect((await keys.verify({ id, input, signature })).valid).toBe(true);
    const { publicKeys } = await keys.getPublicKey({ id });
    expect(verify("sha256", input, present(publicKeys[0]).pem, signature)).toBe(true);
  });

  it("lets a symmetric key wrap secrets, and rotate only if that was allowed", async () => {
    const material = wrapWithOpenssl(wrappingKey, randomBytes(32));
    const { keys } = coffer.clients();
    const fixed = await imported("aes256-gcm96", material);
    const secret = await createSecret(coffer, { kmsKeyId: fixed.id });
    expect(await readText(coffer, secret)).toBe("v1");
    const { message } = await expectError(keys.rotateKey({ id: fixed.id }), { reason: "KEY_NOT_ROTATABLE" });
    expect(message).toContain("without leave to be rotated");
    const period = { key: { id: fixed.id, rotationPeriod: { seconds: 86_400n } } };
    await expectError(keys.updateKey(period), { reason: "KEY_NOT_ROTATABLE" });
    const free = await imported("aes256-gcm96", material, { allowRotation: true });
    expect((await keys.rotateKey({ id: free.id })).key).toMatchObject({ primaryVersion: 2, imported: true });
  });

  it("gives the same ciphertext to no two keys with the same material", async () => {
    const material = randomBytes(32);
    const [one, two] = [
      await imported("aes256-gcm96", wrapWithOpenssl(wrappingKey, material)),
      await imported("aes256-gcm96", wrapWithOpenssl(wrappingKey, material)),
    ];
    const { keys } = coffer.clients();
    const { ciphertext } = await keys.encrypt({ id: one.id, plaintext: utf8("p") });
    await expectError(keys.decrypt({ id: two.id, ciphertext }), { reason: "CIPHERTEXT_INVALID" });
  });

  it("rejects what does not unwrap to such a key, with one error, and makes nothing", async () => {
    const wrapped = wrapWithOpenssl(wrappingKey, randomBytes(32));
    const changed = Buffer.from(wrapped);
    changed[100] = (changed[100] as number) ^ 1;
    const byAes = wrapWithAes(wrappingKey, randomBytes(32));
    const ec256 = pkcs8("ec", { namedCurve: "P-256" });
    const smallExponent = pkcs8("rsa", { publicExponent: 3 });
    const bad: [string, Uint8Array][] = [
      ["aes256-gcm96", changed],
      ["aes256-gcm96", randomBytes(512)],
      ["aes128-gcm96", wrapped],
      ["aes256-gcm96", wrapWithOpenssl(wrappingKey, randomBytes(31))],
      ["hmac", wrapWithOpenssl(wrappingKey, randomBytes(15))],
      ["hmac", wrapWithAes(wrappingKey, randomBytes(513))],
      ["aes256-gcm96", byAes.subarray(0, -8)],
      ["aes256-gcm96", Buffer.concat([byAes, Buffer.alloc(8)])],
      ["aes256-gcm96", wrapWithAes(wrappingKey, randomBytes(32), "sha1")],
      ["aes256-gcm96", wrapWithAes(wrappingKey, randomBytes(32), "sha512")],
      ["ecdsa-p384", wrapWithAes(wrappingKey, ec256)],
      ["rsa-2048", wrapWithAes(wrappingKey, ec256)],
      ["rsa-3072", wrapWithAes(wrappingKey, pkcs8("rsa"))],
      ["rsa-2048", wrapWithAes(wrappingKey, smallExponent)],
      ["ed25519", wrapWithAes(wrappingKey, randomBytes(48))],
    ];
    const count = async () => (await coffer.sql("select count(*)::int as count from kms_key"))[0];
    const before = await count();
    const field = invalid("import.import_key_material");
    const errors = await expectErrors(
      bad.map(([algorithm, material]) => imported(algorithm, material)),
      field,
    );
    const ofAes = errors.filter((_, index) => bad[index]?.[0] === "aes256-gcm96");
    expect(new Set(ofAes.map(({ message }) => message)).size).toBe(1);
    for (const size of [0, 511, 8_193]) await expectError(imported("hmac", new Uint8Array(size)), field);
    const rotates = { rotationPeriod: { seconds: 86_400n }, import: { importKeyMaterial: wrapped } };
    await expectError(createKey(coffer, rotates), invalid("rotation_period"));
    expect(await count()).toEqual(before);
  });

  it("replays with an idempotency key: one key", async () => {
    const request = {
      name: newName("key"),
      import: { importKeyMaterial: wrapWithOpenssl(wrappingKey, randomBytes(32)) },
    };
    const { keys } = coffer.clients();
    const { first, second } = await twice("import once", (options) => keys.createKey(request, options));
    expect(second).toEqual({ answer: first.answer, replayed: true });
  });
});

describe("the wrapping key", () => {
  it("is the same for every call and instance, another in other regions and workspaces", async () => {
    const second = await startCoffer({ besides: coffer, env: { COFFER_REGIONS: "default,eu-1" } });
    try {
      expect((await second.clients().keys.getWrappingKey({})).publicKey).toBe(wrappingKey);
      const both = [coffer, second].map((one) => one.clients().keys.getWrappingKey({ region: "eu-1" }));
      const [mine, theirs] = (await Promise.all(both)).map(({ publicKey }) => publicKey);
      expect(mine).toBe(theirs);
      expect(mine).not.toBe(wrappingKey);
    } finally {
      await second.close();
    }
    const { ownerToken } = await otherWorkspace(coffer);
    const { publicKey: foreign } = await coffer.clients(ownerToken).keys.getWrappingKey({});
    expect(foreign).not.toBe(wrappingKey);
    await expectError(
      imported("aes256-gcm96", wrapWithOpenssl(foreign, randomBytes(32))),
      invalid("import.import_key_material"),
    );
  }, 60_000);

  it("is bound to its place: a row that was moved opens nothing", async () => {
    const { ownerToken, workspaceId } = await otherWorkspace(coffer);
    await coffer.sql(
      `insert into import_wrapping_key (workspace_id, region, root_key_id, wrapped_key)
        select $1, region, root_key_id, wrapped_key from import_wrapping_key where region = 'default' limit 1`,
      [workspaceId],
    );
    await expectError(coffer.clients(ownerToken).keys.getWrappingKey({}), { reason: "VALUE_CORRUPT" });
  });

  it("is for who may create keys, in a region that is there", async () => {
    const viewer = coffer.clients(await coffer.tokenWithRole(Role.OPERATOR)).keys;
    await expectError(viewer.getWrappingKey({}), denied("keys.create"));
    await expectError(coffer.clients().keys.getWrappingKey({ region: "mars" }), invalid("region"));
  });
});

describe("export", () => {
  it("returns PKCS#8 of a private key, by version, and is audited", async () => {
    const key = await createKey(coffer, { algorithm: "ecdsa-p256", exportAllowed: true });
    const { keys } = coffer.clients();
    await keys.rotateKey({ id: key.id });
    const [first, second] = [await keys.exportKey({ id: key.id, keyVersion: 1 }), await keys.exportKey({ id: key.id })];
    expect([first.keyVersion, second.keyVersion]).toEqual([1, 2]);
    const { publicKeys } = await keys.getPublicKey({ id: key.id });
    for (const [index, { keyMaterial }] of [first, second].entries()) {
      const signature = sign("sha256", utf8("m"), { key: Buffer.from(keyMaterial), format: "der", type: "pkcs8" });
      expect(verify("sha256", utf8("m"), present(publicKeys[index]).pem, signature)).toBe(true);
    }
    expect(await usesOf(coffer, key.id)).toEqual(["ExportKey 1 OK 1", "ExportKey 2 OK 1"]);
  });

  it("is refused for keys that were made without it, and for who is no owner", async () => {
    const [closed, open] = [await createKey(coffer), await createKey(coffer, { exportAllowed: true })];
    const { keys } = coffer.clients();
    const { message } = await expectError(keys.exportKey({ id: closed.id }), { reason: "KEY_NOT_EXPORTABLE" });
    expect(message).toContain("without leave to be exported");
    await expectError(keys.updateKey({ key: { id: closed.id }, updateMask: { paths: ["export_allowed"] } }), {
      fields: ["update_mask"],
    });
    const admin = coffer.clients(await coffer.tokenWithRole(Role.ADMIN)).keys;
    await expectError(admin.exportKey({ id: open.id }), denied("keys.export"));
    const { ownerToken } = await otherWorkspace(coffer);
    await expectError(coffer.clients(ownerToken).keys.exportKey({ id: open.id }), { reason: "KEY_NOT_FOUND" });
    await expectError(keys.exportKey({ id: open.id, keyVersion: 2 }), invalid("key_version"));
    await keys.disableKey({ id: open.id });
    await expectError(keys.exportKey({ id: open.id }), { reason: "KEY_NOT_ACTIVE" });
    expect(await usesOf(coffer, closed.id)).toEqual([]);
  });

  it("is never cached, and its material is in no table and no log line in the clear", async () => {
    const material = randomBytes(32);
    const { id } = await imported("hmac", wrapWithOpenssl(wrappingKey, material));
    const response = await coffer.fetch("/coffer.v1.KeyService/ExportKey", { json: { id } });
    expect(response.headers.get("cache-control")).toBe("no-store");
    const { keyMaterial } = (await response.json()) as { keyMaterial: string };
    expect(Buffer.from(keyMaterial, "base64")).toEqual(material);
    const rows = await coffer.sql(
      "select encode(wrapped_key, 'hex') as hex from kms_key_version where kms_key_id = $1",
      [id],
    );
    expect(JSON.stringify(rows)).not.toContain(material.toString("hex"));
    const lines = coffer.logLines.join("\n");
    for (const form of ["base64", "hex"] as const) expect(lines).not.toContain(material.toString(form));
    const mac = createHmac("sha256", material).update("x").digest();
    expect((await coffer.clients().keys.verifyMac({ id, input: utf8("x"), mac })).valid).toBe(true);
  });
});
