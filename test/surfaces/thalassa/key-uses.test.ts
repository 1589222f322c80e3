// The requests of Thalassa Cloud's surface that use keys, import and export them.
import { createHmac, createPublicKey, randomBytes, verify } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { useCoffer } from "../../support/coffer.ts";
import { openssl, usesOf, wrapWithAes, wrapWithOpenssl } from "../../support/key-uses.ts";
import { createKey, makeDestructionDue, unknownKeyId } from "../../support/keys.ts";
import { newName, present } from "../../support/secrets.ts";
import { base64, keysUrl, thalassa, thalassaEnv, thalassaRegion } from "../../support/thalassa.ts";

const coffer = useCoffer({ env: thalassaEnv });

type Body = Record<string, string> & { keys: Record<string, string>; valid: boolean };

const make = async (keyType: string, change: object = {}) => {
  const json = { name: newName("key"), keyType, ...change };
  return (await thalassa<Body>(coffer, `POST ${keysUrl}`, { json })).body as unknown as { identity: string };
};
const post = ({ identity }: { identity: string }, verb: string, json: object, token?: string) =>
  thalassa<Body>(coffer, `POST ${keysUrl}/${identity}/${verb}`, { json, ...(token ? { token } : {}) });
const publicKeys = async ({ identity }: { identity: string }, query = "") =>
  (await thalassa<Body>(coffer, `GET ${keysUrl}/${identity}/public-key${query}`)).body.keys;

describe("encrypt and decrypt", () => {
  it.each(["aes128-gcm96", "aes256-gcm96", "chacha20-poly1305", "rsa-2048"])(
    "with %s give back the plaintext, by old versions too",
    async (keyType) => {
      const key = await make(keyType);
      const old = await post(key, "encrypt", { plaintext: base64("hello") });
      expect(old).toMatchObject({ status: 200, body: { keyVersion: "1" } });
      await thalassa(coffer, `POST ${keysUrl}/${key.identity}/rotate`);
      const now = await post(key, "encrypt", { plaintext: base64("hello") });
      const asked = await post(key, "encrypt", { plaintext: base64("hello"), keyVersion: "1" });
      expect([now.body["keyVersion"], asked.body["keyVersion"]]).toEqual(["2", "1"]);
      for (const { body } of [old, now, asked]) {
        const { status, body: opened } = await post(key, "decrypt", { ciphertext: body["ciphertext"] });
        expect([status, opened]).toEqual([200, { plaintext: base64("hello"), keyVersion: body["keyVersion"] }]);
      }
    },
  );

  it("take a context of coffer's own, which must be the same", async () => {
    const key = await make("aes256-gcm96");
    const { body } = await post(key, "encrypt", { plaintext: base64("p"), context: base64("c") });
    const ciphertext = body["ciphertext"];
    expect((await post(key, "decrypt", { ciphertext, context: base64("c") })).body["plaintext"]).toBe(base64("p"));
    const { status, body: error } = await post(key, "decrypt", { ciphertext });
    expect([status, error["message"]]).toEqual([400, expect.stringMatching(/^ciphertext: does not decrypt/)]);
  });

  it("are opened and made by coffer.v1 likewise, by name as by id, each with its event", async () => {
    const name = newName("key");
    const { identity } = await make("aes256-gcm96", { name });
    const { body } = await post({ identity: name }, "encrypt", { plaintext: base64("p") });
    const ciphertext = Buffer.from(present(body["ciphertext"]), "base64");
    const { plaintext } = await coffer.clients().keys.decrypt({ id: identity, ciphertext });
    expect(Buffer.from(plaintext).toString()).toBe("p");
    expect(await usesOf(coffer, identity)).toEqual(["Encrypt 1 OK 1", "Decrypt 1 OK 1"]);
  });
});

describe("sign and verify", () => {
  it.each(["rsa-2048", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519"])(
    "with %s agree with the public key",
    async (keyType) => {
      const key = await make(keyType);
      const input = base64("message");
      const { status, body } = await post(key, "sign", { input });
      expect([status, body["keyVersion"]]).toEqual([200, "1"]);
      const signature = present(body["signature"]);
      expect((await post(key, "verify", { input, signature })).body).toEqual({ valid: true });
      expect((await post(key, "verify", { input: base64("other"), signature })).body).toEqual({ valid: false });
      await thalassa(coffer, `POST ${keysUrl}/${key.identity}/rotate`);
      expect((await post(key, "verify", { input, signature })).body).toEqual({ valid: true });
      const pems = await publicKeys(key);
      expect(Object.keys(pems)).toEqual(["1", "2"]);
      expect(await publicKeys(key, "?version=1")).toEqual({ "1": pems["1"] });
      const pem = present(pems["1"]);
      expect(createPublicKey(pem).asymmetricKeyType).toBe(
        { r: "rsa", ec: "ec", ed: "ed25519" }[keyType.slice(0, 2)] ?? "rsa",
      );
      if (keyType === "ed25519")
        expect(verify(null, Buffer.from("message"), pem, Buffer.from(signature, "base64"))).toBe(true);
    },
  );

  it.each(["sha2-384", "SHA-384", "sha384"])("take the hash as %s, as openssl verifies", async (hashAlgorithm) => {
    const key = await make("ecdsa-p256");
    const { body } = await post(key, "sign", { input: base64("m"), hashAlgorithm });
    const files = {
      pub: present((await publicKeys(key))["1"]),
      sig: Buffer.from(present(body["signature"]), "base64"),
      data: "m",
    };
    const output = openssl(["dgst", "-sha384", "-verify", "pub", "-signature", "sig", "data"], files);
    expect(output.toString()).toContain("Verified OK");
  });
});

describe("hmac and verify-hmac", () => {
  it.each([
    ["hmac", undefined, "sha256"],
    ["hmac", "sha2-384", "sha384"],
    ["hmac-sha256", "sha2-256", "sha256"],
    ["hmac-sha512", undefined, "sha512"],
  ])("with %s and %s agree with node:crypto", async (keyType, algorithm, hash) => {
    const key = await make(keyType, { exportAllowed: true });
    const { body: exported } = await post(key, "export", {});
    const material = Buffer.from(present(exported["keyMaterial"]), "base64");
    const { body } = await post(key, "hmac", { input: base64("m"), algorithm });
    expect(body).toEqual({ hmac: createHmac(hash, material).update("m").digest("base64"), keyVersion: "1" });
    const asked = { input: base64("m"), hmac: body["hmac"], hashAlgorithm: algorithm };
    expect((await post(key, "verify-hmac", asked)).body).toEqual({ valid: true, keyVersion: "1" });
    const other = { ...asked, input: base64("n") };
    expect((await post(key, "verify-hmac", other)).body).toEqual({ valid: false, keyVersion: "1" });
  });
});

describe("import and export", () => {
  let wrapping: { publicKey: string; algorithm: string };
  beforeAll(async () => {
    wrapping = (await thalassa<typeof wrapping>(coffer, `GET /v1/kms/${thalassaRegion}/wrapping-key`)).body;
  }, 60_000);

  it("keep the bytes of the caller, wrapped by openssl or with an AES key", async () => {
    expect(wrapping.algorithm).toBe("RSA-OAEP-SHA256");
    const material = randomBytes(32);
    for (const [wrapped, hashFunction] of [
      [wrapWithOpenssl(wrapping.publicKey, material), undefined],
      [wrapWithAes(wrapping.publicKey, material, "sha512"), "SHA512"],
    ] as const) {
      const importKeyMaterial = wrapped.toString("base64");
      const change = { importKeyMaterial, hashFunction, exportAllowed: true };
      const key = await make("aes256-gcm96", change);
      expect(key).toMatchObject({ imported: true, exportAllowed: true });
      expect((await post(key, "export", {})).body).toEqual({
        keyMaterial: material.toString("base64"),
        keyVersion: "1",
      });
      const rotated = await thalassa<Body>(coffer, `POST ${keysUrl}/${key.identity}/rotate`);
      expect(rotated).toMatchObject({
        status: 400,
        body: { message: expect.stringContaining("without leave to be rotated") },
      });
      const free = await make("aes256-gcm96", { ...change, allowRotation: true, rotationPeriodInDays: 30 });
      expect((await thalassa(coffer, `POST ${keysUrl}/${free.identity}/rotate`)).status).toBe(200);
    }
  });

  it("refuse what is not wrapped so, and keys that are not to be exported", async () => {
    const json = {
      name: newName("key"),
      keyType: "aes256-gcm96",
      importKeyMaterial: randomBytes(512).toString("base64"),
    };
    const { status, body } = await thalassa<Body>(coffer, `POST ${keysUrl}`, { json });
    expect([status, body["message"]]).toEqual([400, expect.stringMatching(/^importKeyMaterial: must be 32 bytes/)]);
    const closed = await post(await make("hmac"), "export", {});
    expect([closed.status, closed.body["message"]]).toEqual([
      400,
      expect.stringContaining("without leave to be exported"),
    ]);
  });
});

describe("refused with 400 and the field's name", () => {
  it.each<[string, string, object, string]>([
    ["aes256-gcm96", "encrypt", {}, "plaintext"],
    ["aes256-gcm96", "encrypt", { plaintext: "" }, "plaintext"],
    ["aes256-gcm96", "encrypt", { plaintext: "!" }, "plaintext"],
    ["aes256-gcm96", "encrypt", { plaintext: Buffer.alloc(32_769).toString("base64") }, "plaintext"],
    ["aes256-gcm96", "encrypt", { plaintext: base64("p"), context: Buffer.alloc(8_193).toString("base64") }, "context"],
    ["aes256-gcm96", "encrypt", { plaintext: base64("p"), keyVersion: "7" }, "keyVersion"],
    ["aes256-gcm96", "encrypt", { plaintext: base64("p"), keyVersion: "abc" }, "keyVersion"],
    ["aes256-gcm96", "encrypt", { plaintext: base64("p"), keyVersion: "0" }, "keyVersion"],
    ["aes256-gcm96", "encrypt", { plaintext: base64("p"), keyVersion: "01" }, "keyVersion"],
    ["aes256-gcm96", "encrypt", { plaintext: base64("p"), keyVersion: "9999999999" }, "keyVersion"],
    ["aes256-gcm96", "decrypt", { ciphertext: base64("none") }, "ciphertext"],
    ["rsa-2048", "encrypt", { plaintext: Buffer.alloc(191).toString("base64") }, "plaintext"],
    ["rsa-2048", "encrypt", { plaintext: base64("p"), context: base64("c") }, "context"],
    ["aes256-gcm96", "sign", { input: base64("m") }, "identity"],
    ["hmac", "sign", { input: base64("m") }, "identity"],
    ["ecdsa-p256", "encrypt", { plaintext: base64("p") }, "identity"],
    ["ecdsa-p256", "decrypt", { ciphertext: base64("c") }, "identity"],
    ["ed25519", "hmac", { input: base64("m") }, "identity"],
    ["ed25519", "verify-hmac", { input: base64("m"), hmac: base64("h") }, "identity"],
    ["ed25519", "sign", { input: "" }, "input"],
    ["ed25519", "sign", { input: base64("m"), hashAlgorithm: "sha2-256" }, "hashAlgorithm"],
    ["ecdsa-p256", "sign", { input: base64("m"), hashAlgorithm: "md5" }, "hashAlgorithm"],
    ["ecdsa-p256", "sign", { input: base64("m"), context: base64("c") }, "context"],
    ["ecdsa-p256", "verify", { input: base64("m") }, "signature"],
    ["ecdsa-p256", "export", { keyVersion: "x" }, "keyVersion"],
    ["hmac-sha256", "hmac", { input: base64("m"), algorithm: "sha2-512" }, "algorithm"],
    [
      "hmac-sha256",
      "verify-hmac",
      { input: base64("m"), hmac: base64("h"), hashAlgorithm: "sha2-512" },
      "hashAlgorithm",
    ],
  ])("%s %s %j", async (keyType, verb, json, field) => {
    const { status, body } = await post(await make(keyType), verb, json);
    expect([status, body["message"]?.split(": ")[0]]).toEqual([400, field]);
  });

  it("a public key of a key that has none, or of a version that is none", async () => {
    const [symmetric, ec] = [await make("aes256-gcm96"), await make("ecdsa-p256")];
    for (const [{ identity }, query, field] of [
      [symmetric, "", "identity"],
      [ec, "?version=7", "version"],
      [ec, "?version=abc", "version"],
    ] as const) {
      const { status, body } = await thalassa<Body>(coffer, `GET ${keysUrl}/${identity}/public-key${query}`);
      expect([status, body["message"]?.split(": ")[0]]).toEqual([400, field]);
    }
  });

  it("keys that are disabled or to be deleted", async () => {
    const [disabled, pending] = [await make("aes256-gcm96"), await make("aes256-gcm96")];
    const { body } = await post(disabled, "encrypt", { plaintext: base64("p") });
    await thalassa(coffer, `POST ${keysUrl}/${disabled.identity}/disable`);
    await makeDestructionDue(coffer, { id: pending.identity } as Parameters<typeof makeDestructionDue>[1]);
    for (const key of [disabled, pending]) {
      expect((await post(key, "encrypt", { plaintext: base64("p") })).status).toBe(400);
      expect((await post(key, "decrypt", { ciphertext: body["ciphertext"] })).status).toBe(400);
    }
  });
});

it("hides keys from those who may neither use nor see them: 404, as for a key that is not there", async () => {
  const { id: identity } = await createKey(coffer, { region: thalassaRegion });
  const blind = await coffer.tokenWithRole(Role.OWNER, ["secrets.read", "keys.encrypt"]);
  const seeing = await coffer.tokenWithRole(Role.OWNER, ["keys.list"]);
  const json = { ciphertext: base64("c") };
  const hidden = await post({ identity }, "decrypt", json, blind);
  const missing = await post({ identity: unknownKeyId }, "decrypt", json, blind);
  expect([hidden.status, hidden.body]).toEqual([404, missing.body]);
  const shown = await post({ identity }, "decrypt", json, seeing);
  expect([shown.status, shown.body]).toEqual([403, { message: "permission keys.decrypt is missing" }]);
  for (const request of [`GET ${keysUrl}/${identity}`, `POST ${keysUrl}/${identity}/rotate`]) {
    expect((await thalassa(coffer, request, { token: blind })).status).toBe(404);
  }
  expect((await post({ identity }, "encrypt", { plaintext: base64("p") }, blind)).status).toBe(200);
  const { auditEvents } = await coffer.clients().audit.listAuditEvents({ resourceId: identity });
  expect(auditEvents.some(({ method, rule }) => method.endsWith("/Decrypt") && rule === "keys.decrypt")).toBe(true);
});
