// The known answers: what coffer must write, byte for byte, when its randomness is given.
import { createHmac } from "node:crypto";
import {
  type AlgorithmName,
  algorithmNames,
  bytesFor,
  ciphers,
  encrypt,
  fields,
  hkdfSha256,
  uint16,
  uint32,
} from "./primitives.ts";

const nothing = new Uint8Array(0);
const context = {
  deploymentId: "dep_01hzzzzzzzzzzzzzzzzzzzzzzz",
  workspaceId: "ws_01hzzzzzzzzzzzzzzzzzzzzzzz",
  secretId: "sec_01hzzzzzzzzzzzzzzzzzzzzzzz",
  versionNumber: 7,
};
const kmsKeyId = "kms_01hzzzzzzzzzzzzzzzzzzzzzzz";

export type KnownAnswers = ReturnType<typeof knownAnswers>;

export function knownAnswers() {
  return {
    envelopes: algorithmNames.flatMap((algorithm) => [
      envelopeAnswer(algorithm, "data", { data: Buffer.from("correct horse battery staple") }),
      envelopeAnswer(algorithm, "data", { data: Buffer.of(0) }),
      envelopeAnswer(algorithm, "key_values", {
        values: {
          username: Buffer.from("coffer"),
          password: Buffer.from("p\u00e4ss w\u00f6rd"),
          "a.b-c_D": Buffer.of(0, 255),
        },
      }),
    ]),
    rootKeys: [1, 2].map((number) => {
      const key = bytesFor(`root key ${number}`, 32);
      return { base64: key.toString("base64"), id: rootKeyId(key) };
    }),
    keyVersions: algorithmNames.map(keyVersionAnswer),
    deploymentKeys: [deploymentKeyAnswer()],
    rowMacs: [rowMacAnswer()],
    tokenHashes: [tokenHashAnswer()],
  };
}

function envelopeAnswer(
  algorithm: AlgorithmName,
  form: "data" | "key_values",
  input: { data?: Buffer; values?: Record<string, Buffer> },
) {
  const { keySizeBytes, wireNumber } = ciphers[algorithm];
  const name = `${algorithm} ${form} ${input.data?.byteLength ?? "map"}`;
  const version = 3;
  const kmsKey = bytesFor(`${name} kms key`, keySizeBytes);
  const dek = bytesFor(`${name} dek`, keySizeBytes);
  const nonce = bytesFor(`${name} nonce`, 12);
  const wrapSalt = bytesFor(`${name} wrap salt`, 32);
  const wrapNonce = bytesFor(`${name} wrap nonce`, 12);
  const payload = input.data ?? encodeMap(input.values ?? {});

  const { deploymentId, workspaceId, secretId, versionNumber } = context;
  const bound = ["coffer", 1, deploymentId, workspaceId, secretId, versionNumber, algorithm, kmsKeyId, form];
  const payloadAad = fields(...bound);
  const wrapAad = fields(...bound, version);

  const sealed = encrypt(algorithm, dek, nonce, payloadAad, payload);
  const wrapped = wrap(algorithm, kmsKey, "coffer/wrap/v1", wrapAad, wrapSalt, wrapNonce, dek);
  const envelope = Buffer.concat([
    Buffer.of(1, wireNumber, kmsKeyId.length),
    Buffer.from(kmsKeyId),
    uint32(version),
    wrapSalt,
    wrapped.commitment,
    wrapNonce,
    Buffer.of(keySizeBytes + 16),
    wrapped.ciphertext,
    nonce,
    uint32(payload.byteLength + 16),
    sealed.ciphertext,
    sealed.tag,
  ]);
  return {
    name,
    context,
    form,
    keyVersion: { kmsKeyId, version, algorithm, key: kmsKey.toString("hex") },
    ...(input.values === undefined
      ? {}
      : {
          values: Object.fromEntries(Object.entries(input.values).map(([key, value]) => [key, value.toString("hex")])),
        }),
    payload: payload.toString("hex"),
    /** In the order in which seal draws it: DEK, nonce, wrap salt, wrap nonce. */
    random: [dek, nonce, wrapSalt, wrapNonce].map((bytes) => bytes.toString("hex")),
    envelope: envelope.toString("hex"),
  };
}

function encodeMap(values: Record<string, Buffer>): Buffer {
  const keys = Object.keys(values).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return Buffer.concat([
    uint32(keys.length),
    ...keys.flatMap((key) => {
      const value = values[key] ?? nothing;
      return [uint16(Buffer.byteLength(key)), Buffer.from(key), uint32(value.byteLength), value];
    }),
  ]);
}

function wrap(
  algorithm: AlgorithmName,
  wrappingKey: Uint8Array,
  label: string,
  aad: Uint8Array,
  salt: Uint8Array,
  nonce: Uint8Array,
  key: Uint8Array,
) {
  const derived = hkdfSha256(wrappingKey, salt, Buffer.concat([Buffer.from(label), aad]), 64);
  const { ciphertext, tag } = encrypt(algorithm, derived.subarray(0, ciphers[algorithm].keySizeBytes), nonce, aad, key);
  return { commitment: derived.subarray(32), ciphertext: Buffer.concat([ciphertext, tag]) };
}

function rootKeyId(key: Uint8Array): string {
  return hkdfSha256(key, nothing, Buffer.from("coffer/root-key-id/v1"), 32).toString("hex").slice(0, 16);
}

function rootWrap(name: string, aad: Uint8Array, key: Uint8Array) {
  const rootKey = bytesFor("root key 1", 32);
  const salt = bytesFor(`${name} root salt`, 32);
  const nonce = bytesFor(`${name} root nonce`, 12);
  const { commitment, ciphertext } = wrap("aes256-gcm96", rootKey, "coffer/root-wrap/v1", aad, salt, nonce, key);
  return {
    rootKey: rootKey.toString("base64"),
    rootKeyId: rootKeyId(rootKey),
    random: [salt, nonce].map((bytes) => bytes.toString("hex")),
    wrappedKey: Buffer.concat([Buffer.of(1), salt, commitment, nonce, ciphertext]).toString("hex"),
  };
}

function keyVersionAnswer(algorithm: AlgorithmName) {
  const { deploymentId, workspaceId } = context;
  const version = 2;
  const key = bytesFor(`${algorithm} key version`, ciphers[algorithm].keySizeBytes);
  const aad = fields("coffer", "kms-key-version", 1, deploymentId, workspaceId, kmsKeyId, version, algorithm);
  return {
    owner: { deploymentId, workspaceId },
    name: { kmsKeyId, version, algorithm },
    key: key.toString("hex"),
    ...rootWrap(`${algorithm} key version`, aad, key),
  };
}

function deploymentKeyAnswer() {
  const { deploymentId } = context;
  const key = bytesFor("deployment key", 32);
  const subkey = (info: string) => hkdfSha256(key, nothing, Buffer.from(info), 32).toString("hex");
  return {
    deploymentId,
    key: key.toString("hex"),
    ...rootWrap("deployment key", fields("coffer", "deployment-key", 1, deploymentId), key),
    tokenPepper: subkey("coffer/token-pepper/v1"),
    fingerprintKey: subkey("coffer/idempotency-fingerprint/v1"),
    rowMacKey: subkey("coffer/row-mac/v1"),
  };
}

/** The fields are a string, a number, null, an empty string, a date, bytes and a boolean. */
function rowMacAnswer() {
  const key = bytesFor("row mac key", 32);
  const label = "api_token/v1";
  const encoded: [tag: number, bytes: Uint8Array][] = [
    [1, Buffer.from(label)],
    [1, Buffer.from("tok_1")],
    [2, Buffer.from("42")],
    [0, nothing],
    [1, nothing],
    [4, Buffer.from("1767225600000")],
    [3, Buffer.of(1, 2, 3)],
    [5, Buffer.of(1)],
  ];
  const mac = createHmac("sha256", key);
  for (const [tag, bytes] of encoded) mac.update(Buffer.concat([Buffer.of(tag), uint32(bytes.byteLength), bytes]));
  return {
    key: key.toString("hex"),
    label,
    string: "tok_1",
    number: 42,
    date: "2026-01-01T00:00:00.000Z",
    bytes: "010203",
    boolean: true,
    mac: mac.digest("hex"),
  };
}

function tokenHashAnswer() {
  const pepper = bytesFor("token pepper", 32);
  const secret = "4fK9xQ2mZt7Rb1Wc8Vn5Yd3Hs6L";
  return { pepper: pepper.toString("hex"), secret, hash: createHmac("sha256", pepper).update(secret).digest("hex") };
}
