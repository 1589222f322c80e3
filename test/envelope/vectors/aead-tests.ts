// Valid and invalid messages of one cipher, in the shape of Wycheproof's AEAD test files.
import { type AlgorithmName, bytesFor, ciphers, encrypt } from "./primitives.ts";
import { aadForTag } from "./special-tags.ts";

interface AeadTest {
  tcId: number;
  comment: string;
  flags: string[];
  key: string;
  iv: string;
  aad: string;
  msg: string;
  ct: string;
  tag: string;
  result: "valid" | "invalid";
}

export interface AeadTestFile {
  algorithm: string;
  numberOfTests: number;
  notes: Record<string, string>;
  testGroups: { type: string; ivSize: number; keySize: number; tagSize: number; tests: AeadTest[] }[];
}

const notes = {
  Ktv: "A plain message.",
  SpecialCaseTag: "The right tag has an unusual value.",
  ModifiedTag: "The tag was altered.",
  TruncatedTag: "The tag has less or more than 16 bytes.",
  ModifiedCiphertext: "The ciphertext was altered.",
  WrongAad: "The associated data is not that which was sealed.",
  WrongNonce: "The nonce is not the one that was used for sealing.",
  WrongKey: "The key is not the one that was used for sealing.",
  UnusualNonceSize: "The cipher itself could do it; coffer knows 12-byte nonces only.",
};
type Flag = keyof typeof notes;

interface Message {
  key: Buffer;
  iv: Buffer;
  aad: Buffer;
  msg: Buffer;
  ct: Buffer;
  tag: Buffer;
}

export function aeadTests(algorithm: AlgorithmName): AeadTestFile {
  const groups = new Map<string, AeadTestFile["testGroups"][number]>();
  let numberOfTests = 0;
  const add = (comment: string, flag: Flag, result: AeadTest["result"], message: Message) => {
    const { key, iv, aad, msg, ct, tag } = message;
    const sizes = { ivSize: iv.byteLength * 8, keySize: key.byteLength * 8, tagSize: tag.byteLength * 8 };
    const group = groups.get(JSON.stringify(sizes)) ?? { type: "AeadTest", ...sizes, tests: [] };
    groups.set(JSON.stringify(sizes), group);
    numberOfTests++;
    const hex = {
      key: key.toString("hex"),
      iv: iv.toString("hex"),
      aad: aad.toString("hex"),
      msg: msg.toString("hex"),
      ct: ct.toString("hex"),
      tag: tag.toString("hex"),
    };
    group.tests.push({ tcId: numberOfTests, comment, flags: [flag], ...hex, result });
  };

  for (const message of plainMessages(algorithm)) {
    add(`message of ${message.msg.byteLength}, aad of ${message.aad.byteLength} bytes`, "Ktv", "valid", message);
  }
  for (const [name, message] of specialTagMessages(algorithm)) {
    add(`tag is ${name}`, "SpecialCaseTag", "valid", message);
    add(`tag is ${name}, inverted`, "SpecialCaseTag", "invalid", {
      ...message,
      tag: map(message.tag, (byte) => ~byte),
    });
  }
  for (const size of [0, 20]) {
    const message = makeMessage(algorithm, `base ${size}`, size, 16);
    const { key, iv, aad, ct, tag } = message;
    for (const [comment, flag, change] of [
      ...modifiedTags(tag),
      ...truncatedTags(tag),
      ...modifiedCiphertexts(ct),
      ["aad with a flipped bit", "WrongAad", { aad: flipBit(aad, 3) }],
      ["aad left out", "WrongAad", { aad: Buffer.alloc(0) }],
      ["aad with a zero byte more", "WrongAad", { aad: Buffer.concat([aad, Buffer.of(0)]) }],
      ["aad without its last byte", "WrongAad", { aad: aad.subarray(0, -1) }],
      ["nonce with a flipped bit", "WrongNonce", { iv: flipBit(iv, 95) }],
      ["key with a flipped bit", "WrongKey", { key: flipBit(key, 0) }],
    ] as [string, Flag, Partial<Message>][]) {
      add(`${comment}, message of ${size} bytes`, flag, "invalid", { ...message, ...change });
    }
  }
  for (const ivSize of algorithm === "chacha20-poly1305" ? [0, 8, 11, 13, 16, 24] : [0, 1, 8, 11, 13, 16, 32]) {
    add(`nonce of ${ivSize} bytes`, "UnusualNonceSize", "invalid", unusualNonce(algorithm, ivSize));
  }
  return { algorithm, numberOfTests, notes, testGroups: [...groups.values()] };
}

function plainMessages(algorithm: AlgorithmName): Message[] {
  const sizes = [0, 1, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1000, 4096, 8193];
  return [
    ...sizes.map((size) => makeMessage(algorithm, `message ${size}`, size, 16)),
    ...[0, 1, 15, 17, 64, 300].map((aadSize) => makeMessage(algorithm, `aad ${aadSize}`, 20, aadSize)),
    makeMessage(algorithm, "nothing at all", 0, 0),
  ];
}

function specialTagMessages(algorithm: AlgorithmName): [string, Message][] {
  const tags = {
    "all zeros": "00".repeat(16),
    "all ones": "ff".repeat(16),
    "only the first bit": `80${"00".repeat(15)}`,
    "only the last bit": `${"00".repeat(15)}01`,
    "all but the sign bits": "7f".repeat(16),
    "zero in its first half": `${"00".repeat(8)}${"ff".repeat(8)}`,
    "zero in its second half": `${"ff".repeat(8)}${"00".repeat(8)}`,
    "counting up": "000102030405060708090a0b0c0d0e0f",
  };
  return Object.entries(tags).map(([name, hex]) => [name, specialTagMessage(algorithm, Buffer.from(hex, "hex"))]);
}

function specialTagMessage(algorithm: AlgorithmName, wanted: Buffer): Message {
  const key = bytesFor(`${algorithm} special tags`, ciphers[algorithm].keySizeBytes);
  for (let attempt = 0; attempt < 64; attempt++) {
    const iv = bytesFor(`${algorithm} special tag nonce ${attempt}`, 12);
    const aad = aadForTag(algorithm, key, iv, wanted);
    if (aad === undefined) continue;
    const msg = Buffer.alloc(0);
    const { ciphertext, tag } = encrypt(algorithm, key, iv, aad, msg);
    if (!tag.equals(wanted)) throw new Error(`${algorithm}: the tag was solved wrongly`);
    return { key, iv, aad, msg, ct: ciphertext, tag };
  }
  throw new Error(`${algorithm}: no associated data for this tag`);
}

function modifiedTags(tag: Buffer): [string, Flag, Partial<Message>][] {
  const flips = [0, 1, 7, 8, 31, 32, 63, 64, 71, 77, 96, 97, 120, 126, 127];
  const others: [string, Buffer][] = [
    ["tag all zeros", Buffer.alloc(16)],
    ["tag all ones", Buffer.alloc(16, 255)],
    ["tag inverted", map(tag, (byte) => ~byte)],
    ["every top bit of the tag flipped", map(tag, (byte) => byte ^ 0x80)],
    ["every low bit of the tag flipped", map(tag, (byte) => byte ^ 1)],
    ["first half of the tag flipped", map(tag, (byte, index) => (index < 8 ? ~byte : byte))],
    ["second half of the tag flipped", map(tag, (byte, index) => (index < 8 ? byte : ~byte))],
    ["tag reversed", Buffer.from(tag).reverse()],
  ];
  return [
    ...flips.map((bit): [string, Flag, Partial<Message>] => [
      `bit ${bit} of the tag flipped`,
      "ModifiedTag",
      { tag: flipBit(tag, bit) },
    ]),
    ...others.map(([comment, changed]): [string, Flag, Partial<Message>] => [comment, "ModifiedTag", { tag: changed }]),
  ];
}

function truncatedTags(tag: Buffer): [string, Flag, Partial<Message>][] {
  return [
    ...[0, 1, 4, 8, 12, 13, 14, 15].map((size): [string, Flag, Partial<Message>] => [
      `tag of ${size} bytes`,
      "TruncatedTag",
      { tag: tag.subarray(0, size) },
    ]),
    ["tag of 17 bytes", "TruncatedTag", { tag: Buffer.concat([tag, Buffer.of(0)]) }],
    ["tag twice", "TruncatedTag", { tag: Buffer.concat([tag, tag]) }],
  ];
}

function modifiedCiphertexts(ct: Buffer): [string, Flag, Partial<Message>][] {
  const longer: [string, Flag, Partial<Message>] = [
    "ciphertext with a byte more",
    "ModifiedCiphertext",
    { ct: Buffer.concat([ct, Buffer.of(0)]) },
  ];
  if (ct.byteLength === 0) return [longer];
  return [
    longer,
    ["ciphertext without its last byte", "ModifiedCiphertext", { ct: ct.subarray(0, -1) }],
    ["ciphertext left out", "ModifiedCiphertext", { ct: Buffer.alloc(0) }],
    ...[0, 7, 64, ct.byteLength * 8 - 1].map((bit): [string, Flag, Partial<Message>] => [
      `bit ${bit} of the ciphertext flipped`,
      "ModifiedCiphertext",
      { ct: flipBit(ct, bit) },
    ]),
  ];
}

function unusualNonce(algorithm: AlgorithmName, ivSize: number): Message {
  const message = makeMessage(algorithm, `nonce ${ivSize}`, 20, 16);
  const iv = bytesFor(`${algorithm} nonce ${ivSize}`, ivSize);
  // Only GCM defines other sizes; where the cipher cannot seal, the text of the usual nonce stands in.
  if (algorithm === "chacha20-poly1305" || ivSize === 0) return { ...message, iv };
  const { ciphertext, tag } = encrypt(algorithm, message.key, iv, message.aad, message.msg);
  return { ...message, iv, ct: ciphertext, tag };
}

function makeMessage(algorithm: AlgorithmName, label: string, size: number, aadSize: number): Message {
  const name = `${algorithm} ${label}`;
  const key = bytesFor(`${name} key`, ciphers[algorithm].keySizeBytes);
  const iv = bytesFor(`${name} iv`, 12);
  const aad = bytesFor(`${name} aad`, aadSize);
  const msg = bytesFor(`${name} msg`, size);
  const { ciphertext, tag } = encrypt(algorithm, key, iv, aad, msg);
  return { key, iv, aad, msg, ct: ciphertext, tag };
}

function flipBit(bytes: Buffer, bit: number): Buffer {
  return map(bytes, (byte, index) => (index === bit >> 3 ? byte ^ (0x80 >> (bit & 7)) : byte));
}

function map(bytes: Buffer, change: (byte: number, index: number) => number): Buffer {
  return Buffer.from(Uint8Array.from(bytes, change));
}
