// Encrypt, Decrypt and their batches, on the real servers.
import { createDecipheriv, createHash, hkdfSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { EncryptRequestSchema, Key } from "../../../gen/coffer/v1/key_service_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { startCoffer, useCoffer } from "../../support/coffer.ts";
import { denied, expectError, expectErrors, invalid } from "../../support/errors.ts";
import { text, usesOf, utf8 } from "../../support/key-uses.ts";
import { createKey, makeDestructionDue, unknownKeyId } from "../../support/keys.ts";
import { createSecret, type Init, readText } from "../../support/secrets.ts";

const coffer = useCoffer();
const symmetric = ["aes128-gcm96", "aes256-gcm96", "chacha20-poly1305"] as const;
const cannotDecrypt = { code: "InvalidArgument", reason: "CIPHERTEXT_INVALID", fields: ["ciphertext"] };

async function encrypt({ id }: { id: string }, init: Init<typeof EncryptRequestSchema> = {}) {
  return coffer.clients().keys.encrypt({ id, plaintext: utf8("secret"), ...init });
}

async function decrypt({ id }: { id: string }, ciphertext: Uint8Array, context = utf8("")) {
  return coffer.clients().keys.decrypt({ id, ciphertext, context });
}

const lengthPrefixed = (fields: Uint8Array[]) =>
  Buffer.concat(
    fields.flatMap((field) => {
      const size = Buffer.alloc(4);
      size.writeUInt32BE(field.byteLength);
      return [size, field];
    }),
  );

/** As docs/ciphertexts.md describes it, with nothing of coffer's. */
function decryptOutside(key: Key, material: Uint8Array, ciphertext: Uint8Array, context: Uint8Array): string {
  const bytes = Buffer.from(ciphertext);
  expect(bytes[0]).toBe(1);
  const [cipher, size, number] = {
    "aes128-gcm96": ["aes-128-gcm", 16, 1] as const,
    "aes256-gcm96": ["aes-256-gcm", 32, 2] as const,
    "chacha20-poly1305": ["chacha20-poly1305", 32, 3] as const,
  }[key.algorithm] as readonly ["aes-128-gcm", number, number];
  expect(bytes[1]).toBe(number);
  const aad = lengthPrefixed([
    ...[utf8(key.workspaceId), utf8(key.id), bytes.subarray(2, 6), utf8(key.algorithm)],
    createHash("sha256").update(context).digest(),
  ]);
  const salt = bytes.subarray(6, 38);
  const info = Buffer.concat([Buffer.from("coffer/encrypt/v1"), aad]);
  const derived = Buffer.from(hkdfSync("sha256", material, salt, info, 64));
  expect(bytes.subarray(38, 70)).toEqual(derived.subarray(32));
  const decipher = createDecipheriv(cipher, derived.subarray(0, size), bytes.subarray(70, 82), { authTagLength: 16 });
  decipher.setAAD(aad, { plaintextLength: bytes.byteLength - 98 });
  decipher.setAuthTag(bytes.subarray(-16));
  return Buffer.concat([decipher.update(bytes.subarray(82, -16)), decipher.final()]).toString();
}

describe("succeeds", () => {
  it.each(symmetric)("encrypts and decrypts with a key of %s, with and without a context", async (algorithm) => {
    const key = await createKey(coffer, { algorithm });
    for (const context of [utf8(""), utf8("order 1")]) {
      const { ciphertext, keyVersion } = await encrypt(key, { context });
      expect(keyVersion).toBe(1);
      expect(Buffer.from(ciphertext).includes("secret")).toBe(false);
      const opened = await decrypt(key, ciphertext, context);
      expect([text(opened.plaintext), opened.keyVersion]).toEqual(["secret", 1]);
    }
    expect((await encrypt(key)).ciphertext).not.toEqual((await encrypt(key)).ciphertext);
  });

  it.each([1, 32_768])("takes plaintexts of %i bytes", async (size) => {
    const key = await createKey(coffer);
    const plaintext = new Uint8Array(size).fill(7);
    const { ciphertext } = await encrypt(key, { plaintext: Uint8Array.from(plaintext) });
    expect(ciphertext.byteLength).toBe(size + 98);
    expect((await decrypt(key, ciphertext)).plaintext).toEqual(plaintext);
  });

  it.each(symmetric)("makes what the owner of an exported %s key can decrypt without coffer", async (algorithm) => {
    const key = await createKey(coffer, { algorithm, exportAllowed: true });
    const { keyMaterial } = await coffer.clients().keys.exportKey({ id: key.id });
    const context = utf8("c".repeat(8_192));
    const { ciphertext } = await encrypt(key, { context });
    expect(decryptOutside(key, keyMaterial, ciphertext, context)).toBe("secret");
  });

  it("decrypts with older versions after a rotation, and encrypts with the one that is asked for", async () => {
    const key = await createKey(coffer);
    const { keys } = coffer.clients();
    const old = await encrypt(key);
    await keys.rotateKey({ id: key.id });
    const now = await encrypt(key);
    const asked = await encrypt(key, { keyVersion: 1 });
    expect([old.keyVersion, now.keyVersion, asked.keyVersion]).toEqual([1, 2, 1]);
    for (const { ciphertext, keyVersion } of [old, now, asked]) {
      expect(await decrypt(key, ciphertext)).toMatchObject({ plaintext: utf8("secret"), keyVersion });
    }
  });

  it("encrypts and decrypts up to 100 at once, each with its own result", async () => {
    const key = await createKey(coffer);
    const { keys } = coffer.clients();
    const requests = Array.from({ length: 100 }, (_, i) => ({ plaintext: utf8(`p${i}`), context: utf8(`c${i}`) }));
    const { results } = await keys.batchEncrypt({ id: key.id, requests });
    const sealed = results.map(({ ciphertext }, i) => ({ ciphertext, context: utf8(`c${i === 3 ? 4 : i}`) }));
    const opened = await keys.batchDecrypt({ id: key.id, requests: sealed });
    const shown = opened.results.map(({ result }) =>
      result.case === "decrypted" ? text(result.value.plaintext) : `${result.case} ${result.value?.code}`,
    );
    expect(shown).toEqual(requests.map((_, i) => (i === 3 ? "error 3" : `p${i}`)));
    expect(await usesOf(coffer, key.id)).toEqual([
      "BatchEncrypt 1 OK 100",
      expect.stringMatching(/^BatchDecrypt/),
      expect.stringMatching(/^BatchDecrypt/),
    ]);
    expect((await usesOf(coffer, key.id)).slice(1).sort()).toEqual([
      "BatchDecrypt - CIPHERTEXT_INVALID 1",
      "BatchDecrypt 1 OK 99",
    ]);
  });

  it("audits each use with the key and its version before it answers", async () => {
    const key = await createKey(coffer);
    const { ciphertext } = await encrypt(key);
    await decrypt(key, ciphertext);
    await coffer.clients().keys.rotateKey({ id: key.id });
    await encrypt(key);
    await expectError(decrypt(key, ciphertext, utf8("x")), cannotDecrypt);
    expect(await usesOf(coffer, key.id)).toEqual([
      ...["Encrypt 1 OK 1", "Decrypt 1 OK 1", "Encrypt 2 OK 1", "Decrypt - CIPHERTEXT_INVALID 1"],
    ]);
  });

  it("leaves secrets under the same key alone, and neither opens the other", async () => {
    const key = await createKey(coffer);
    const secret = await createSecret(coffer, { kmsKeyId: key.id });
    await encrypt(key);
    const [row] = await coffer.sql("select envelope from secret_version where secret_id = $1", [secret.id]);
    await expectError(decrypt(key, Uint8Array.from(row?.["envelope"] as Buffer)), cannotDecrypt);
    expect(await readText(coffer, secret)).toBe("v1");
  });
});

describe("rejects", () => {
  it("every changed byte, every cut, and all that is no ciphertext, with one error", async () => {
    const key = await createKey(coffer);
    const { ciphertext } = await encrypt(key, { context: utf8("c") });
    const changed = [...ciphertext.keys()].map((at) => {
      const copy = Uint8Array.from(ciphertext);
      copy[at] = (copy[at] as number) ^ 0x80;
      return copy;
    });
    const cut = [1, 6, 50, 97, ciphertext.byteLength - 1].map((size) => ciphertext.slice(0, size));
    const errors = await Promise.all(
      [...changed, ...cut, utf8("none")].map((bad) => expectError(decrypt(key, bad, utf8("c")), cannotDecrypt)),
    );
    expect(new Set(errors.map(({ message }) => message)).size).toBe(1);
  });

  it("a ciphertext with another context, of another key, and of a key with the same material", async () => {
    const [key, other] = [await createKey(coffer), await createKey(coffer)];
    const { ciphertext } = await encrypt(key, { context: utf8("a") });
    for (const context of [utf8(""), utf8("b"), utf8("a\0")]) {
      await expectError(decrypt(key, ciphertext, context), cannotDecrypt);
    }
    await expectError(decrypt(other, ciphertext, utf8("a")), cannotDecrypt);
  });

  it.each<[string, Init<typeof EncryptRequestSchema>]>([
    ["plaintext", { plaintext: utf8("") }],
    ["plaintext", { plaintext: new Uint8Array(32_769) }],
    ["context", { context: new Uint8Array(8_193) }],
    ["key_version", { keyVersion: 7 }],
    ["key_version", { keyVersion: 0xffff_ffff }],
  ])("%s that breaks its rule: case %#", async (field, init) => {
    const key = await createKey(coffer);
    await expectError(encrypt(key, init), invalid(field));
    expect(await usesOf(coffer, key.id)).toEqual([]);
  });

  it("batches of none and of 101, and names the item that breaks a rule", async () => {
    const { id } = await createKey(coffer);
    const { keys } = coffer.clients();
    const items = (count: number) => Array.from({ length: count }, () => ({ plaintext: utf8("p") }));
    for (const count of [0, 101]) {
      await expectError(keys.batchEncrypt({ id, requests: items(count) }), invalid("requests"));
    }
    const sealed = Array.from({ length: 101 }, () => ({ ciphertext: utf8("c") }));
    await expectError(keys.batchDecrypt({ id, requests: sealed }), invalid("requests"));
    const oneEmpty = [...items(2), { plaintext: utf8("") }];
    await expectError(keys.batchEncrypt({ id, requests: oneEmpty }), invalid("requests[2].plaintext"));
    const rsa = await createKey(coffer, { algorithm: "rsa-2048" });
    const oneLong = [...items(1), { plaintext: new Uint8Array(191) }];
    await expectError(keys.batchEncrypt({ id: rsa.id, requests: oneLong }), invalid("requests[1].plaintext"));
  });

  it("batches of more than a MiB, and those that have more items than the caller has points", async () => {
    const limited = await startCoffer({ env: { COFFER_RATE_LIMIT_PRINCIPAL: "50" } });
    try {
      const { id } = await createKey(coffer);
      const requests = (count: number, size: number) =>
        Array.from({ length: count }, () => ({ plaintext: new Uint8Array(size).fill(1) }));
      const { keys } = coffer.clients();
      await expectError(keys.batchEncrypt({ id, requests: requests(40, 32_768) }), { reason: "REQUEST_TOO_LARGE" });
      expect((await keys.batchEncrypt({ id, requests: requests(20, 32_768) })).results).toHaveLength(20);
      const { id: other } = await createKey(limited);
      const { keys: few } = limited.clients();
      expect((await few.batchEncrypt({ id: other, requests: requests(40, 1) })).results).toHaveLength(40);
      await expectError(few.batchEncrypt({ id: other, requests: requests(51, 1) }), { reason: "RATE_LIMITED" });
    } finally {
      await limited.close();
    }
  });

  it.each(["ecdsa-p256", "ed25519", "hmac"])("keys of %s, which cannot encrypt", async (algorithm) => {
    const key = await createKey(coffer, { algorithm });
    const cannot = { code: "InvalidArgument", reason: "KEY_USE_UNSUPPORTED", fields: ["id"] };
    const { message } = await expectError(encrypt(key), cannot);
    expect(message).toContain("rsa-4096");
    await expectError(decrypt(key, utf8("c")), cannot);
  });

  it("keys that are disabled, to be destroyed, or destroyed", async () => {
    const { keys } = coffer.clients();
    const [disabled, pending] = [await createKey(coffer), await createKey(coffer)];
    const { ciphertext } = await encrypt(disabled);
    await keys.disableKey({ id: disabled.id });
    await makeDestructionDue(coffer, pending);
    for (const key of [disabled, pending]) {
      const inactive = { code: "FailedPrecondition", reason: "KEY_NOT_ACTIVE" };
      await expectError(encrypt(key), inactive);
      await expectError(decrypt(key, ciphertext), inactive);
    }
    await keys.enableKey({ id: disabled.id });
    expect(text((await decrypt(disabled, ciphertext)).plaintext)).toBe("secret");
  });

  it("a key whose row was changed behind coffer's back", async () => {
    const key = await createKey(coffer);
    const { ciphertext } = await encrypt(key);
    await coffer.sql("update kms_key set export_allowed = true where kms_key_id = $1", [key.id]);
    const calls = [encrypt(key), decrypt(key, ciphertext), coffer.clients().keys.exportKey({ id: key.id })];
    await expectErrors(calls, { code: "DataLoss", reason: "VALUE_CORRUPT" });
  });
});

describe("denies", () => {
  it("a caller without the permission, one without a token, and one of another workspace", async () => {
    const key = await createKey(coffer);
    const { id } = key;
    const { ciphertext } = await encrypt(key);
    const viewer = coffer.clients(await coffer.tokenWithRole(Role.VIEWER)).keys;
    await expectError(viewer.encrypt({ id, plaintext: utf8("p") }), denied("keys.encrypt"));
    await expectError(viewer.decrypt({ id, ciphertext }), denied("keys.decrypt"));
    await expectError(viewer.batchEncrypt({ id, requests: [{ plaintext: utf8("p") }] }), denied("keys.encrypt"));
    await expectError(viewer.batchDecrypt({ id, requests: [{ ciphertext }] }), denied("keys.decrypt"));
    const nobody = coffer.clients("none").keys;
    await expectError(nobody.decrypt({ id, ciphertext }), { code: "Unauthenticated" });
    const { ownerToken } = await otherWorkspace(coffer);
    const foreign = coffer.clients(ownerToken).keys;
    await expectError(foreign.decrypt({ id, ciphertext }), { code: "NotFound", reason: "KEY_NOT_FOUND" });
    await expectError(foreign.encrypt({ id: unknownKeyId, plaintext: utf8("p") }), { reason: "KEY_NOT_FOUND" });
    const own = await createKey(coffer, {}, ownerToken);
    await expectError(foreign.decrypt({ id: own.id, ciphertext }), cannotDecrypt);
  });

  it("a token that may only encrypt", async () => {
    const key = await createKey(coffer);
    const { keys } = coffer.clients(await coffer.tokenWithRole(Role.OPERATOR, ["keys.encrypt"]));
    const { ciphertext } = await keys.encrypt({ id: key.id, plaintext: utf8("p") });
    await expectError(keys.decrypt({ id: key.id, ciphertext }), denied("keys.decrypt"));
  });

  it("without the plaintext in any log line", async () => {
    const key = await createKey(coffer);
    const { ciphertext } = await encrypt(key, { plaintext: utf8("unheard-of") });
    await decrypt(key, ciphertext);
    await expectError(encrypt(key, { plaintext: utf8("unheard-of"), keyVersion: 9 }), invalid("key_version"));
    const lines = coffer.logLines.join("\n");
    expect(lines).toContain("KeyService/Encrypt");
    for (const form of ["unheard-of", Buffer.from("unheard-of").toString("base64")]) expect(lines).not.toContain(form);
  });
});
