// Encrypt and Decrypt with RSA keys, on the real servers, against openssl and node:crypto.
import { constants, publicEncrypt } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import type { EncryptRequestSchema, Key } from "../../../gen/coffer/v1/key_service_pb.ts";
import { useCoffer } from "../../support/coffer.ts";
import { expectError, invalid } from "../../support/errors.ts";
import { openssl, text, utf8 } from "../../support/key-uses.ts";
import { createKey } from "../../support/keys.ts";
import type { Init } from "../../support/secrets.ts";

const coffer = useCoffer();
const cannotDecrypt = { code: "InvalidArgument", reason: "CIPHERTEXT_INVALID", fields: ["ciphertext"] };
const encrypt = ({ id }: Key, init: Init<typeof EncryptRequestSchema> = {}) =>
  coffer.clients().keys.encrypt({ id, plaintext: utf8("secret"), ...init });
const decrypt = ({ id }: Key, ciphertext: Uint8Array, context = utf8("")) =>
  coffer.clients().keys.decrypt({ id, ciphertext, context });

describe("an RSA key", () => {
  let key: Key;
  beforeAll(async () => {
    key = await createKey(coffer, { algorithm: "rsa-2048" });
    await coffer.clients().keys.rotateKey({ id: key.id });
  });

  it("encrypts with OAEP and SHA-256, and decrypts with the version that the ciphertext names", async () => {
    for (const keyVersion of [1, 2]) {
      const { ciphertext } = await encrypt(key, { keyVersion, plaintext: new Uint8Array(190).fill(1) });
      expect(ciphertext.byteLength).toBe(6 + 256);
      expect(await decrypt(key, ciphertext)).toMatchObject({ keyVersion, plaintext: new Uint8Array(190).fill(1) });
    }
  });

  it("decrypts what openssl and others have encrypted with its public key, of the version that is named", async () => {
    const { publicKeys } = await coffer.clients().keys.getPublicKey({ id: key.id });
    const [first, second] = publicKeys.map(({ pem }) => pem) as [string, string];
    const args = ["pkeyutl", "-encrypt", "-pubin", "-inkey", "pub", "-in", "data"];
    const oaep = [
      "-pkeyopt",
      "rsa_padding_mode:oaep",
      "-pkeyopt",
      "rsa_oaep_md:sha256",
      "-pkeyopt",
      "rsa_mgf1_md:sha256",
    ];
    const byOpenssl = openssl([...args, ...oaep], { pub: second, data: "secret" });
    expect(text((await decrypt(key, Uint8Array.from(byOpenssl))).plaintext)).toBe("secret");
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const byNode = Uint8Array.from(publicEncrypt({ key: first, padding, oaepHash: "sha256" }, Buffer.from("old")));
    await expectError(decrypt(key, byNode), cannotDecrypt);
    const { keys } = coffer.clients();
    expect(text((await keys.decrypt({ id: key.id, ciphertext: byNode, keyVersion: 1 })).plaintext)).toBe("old");
  });

  it("refuses what does not fit, a context, and changed ciphertexts", async () => {
    const tooLong = await expectError(encrypt(key, { plaintext: new Uint8Array(191) }), invalid("plaintext"));
    expect(tooLong.message).toContain("at most 190 bytes");
    await expectError(encrypt(key, { context: utf8("c") }), invalid("context"));
    const { ciphertext } = await encrypt(key);
    await expectError(decrypt(key, ciphertext, utf8("c")), invalid("context"));
    for (const at of [0, 1, 5, 6, 100, 261]) {
      const changed = Uint8Array.from(ciphertext);
      changed[at] = (changed[at] as number) ^ 1;
      await expectError(decrypt(key, changed), cannotDecrypt);
    }
  });
});
