// An envelope opens in its own row, with its own key, unaltered, and in no other case.
import { describe, expect, test } from "vitest";
import type { RandomBytes } from "../../src/domain/random.ts";
import type { Payload } from "../../src/domain/secret/payload.ts";
import type { ValueContext } from "../../src/envelope/aad.ts";
import { algorithmSpec, algorithms } from "../../src/envelope/algorithms.ts";
import { open, rewrap, seal } from "../../src/envelope/envelope.ts";
import { formatEnvelope, parseEnvelope } from "../../src/envelope/format.ts";
import { dataPayload, keyValuesPayload } from "../../src/envelope/payload.ts";
import { context, expectCorrupt, hex, keyVersionOf, random } from "./fixtures.ts";

const payload = dataPayload(Buffer.from("a value"));
const form = payload.form;

describe.each(algorithms)("%s", (algorithm) => {
  const keyVersion = keyVersionOf(algorithm);
  const envelope = seal({ keyVersion, context, payload, random });

  test.each([
    ["one byte", dataPayload(Buffer.of(0))],
    ["65,536 bytes", dataPayload(random(65_536))],
    ["no bytes", dataPayload(Buffer.alloc(0))],
    ["a map", keyValuesPayload({ a: Buffer.of(1), b: random(1000) })],
  ] as [string, Payload][])("opens what it sealed: %s", (_name, original) => {
    const sealed = seal({ keyVersion, context, payload: original, random });
    const opened = open({ envelope: sealed, keyVersion, context, form: original.form });
    expect(opened.form).toBe(original.form);
    expect(hex(opened.bytes.reveal())).toBe(hex(original.bytes.reveal()));
  });

  test("refuses every flipped bit of every byte", () => {
    for (let index = 0; index < envelope.byteLength; index++) {
      for (const mask of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
        const altered = Buffer.from(envelope);
        altered[index] = (altered[index] ?? 0) ^ mask;
        expectCorrupt(() => open({ envelope: altered, keyVersion, context, form }));
      }
    }
  });

  test("refuses every truncation and every added byte", () => {
    for (let size = 0; size < envelope.byteLength; size++) {
      expectCorrupt(() => open({ envelope: envelope.subarray(0, size), keyVersion, context, form }));
      expectCorrupt(() => open({ envelope: envelope.subarray(size + 1), keyVersion, context, form }));
    }
    for (const added of [Buffer.of(0), Buffer.of(1), envelope]) {
      expectCorrupt(() => open({ envelope: Buffer.concat([envelope, added]), keyVersion, context, form }));
      expectCorrupt(() => open({ envelope: Buffer.concat([added, envelope]), keyVersion, context, form }));
    }
  });

  test("refuses the envelope of another row", () => {
    const others: Partial<ValueContext>[] = [
      { deploymentId: "dep_2" },
      { workspaceId: "ws_2" },
      { secretId: "sec_2" },
      { versionNumber: 2 },
      // The same characters, shared out otherwise.
      { workspaceId: "ws_1s", secretId: "ec_1" },
      { deploymentId: "", workspaceId: "dep_1ws_1" },
    ];
    for (const other of others) {
      expectCorrupt(() => open({ envelope, keyVersion, context: { ...context, ...other }, form }));
    }
    expectCorrupt(() => open({ envelope, keyVersion, context, form: "key_values" }));
  });

  test("refuses a key, version or algorithm that the envelope does not name", () => {
    expectCorrupt(() => open({ envelope, keyVersion: { ...keyVersion, kmsKeyId: "kms_2" }, context, form }));
    expectCorrupt(() => open({ envelope, keyVersion: { ...keyVersion, version: 2 }, context, form }));
    for (const other of algorithms.filter((name) => name !== algorithm)) {
      expectCorrupt(() => open({ envelope, keyVersion: { ...keyVersion, algorithm: other }, context, form }));
    }
  });

  test("refuses an envelope whose header was made to name another key, version or algorithm", () => {
    const parsed = parseEnvelope(envelope);
    const others = [
      { ...keyVersion, kmsKeyId: "kms_2" },
      { ...keyVersion, version: 2 },
      ...algorithms
        .filter((name) => name !== algorithm && sameKeySize(name, algorithm))
        .map((other) => ({ ...keyVersion, algorithm: other })),
    ];
    for (const other of others) {
      const relabelled = formatEnvelope({ ...parsed, keyVersion: other });
      expectCorrupt(() => open({ envelope: relabelled, keyVersion: other, context, form }));
      expectCorrupt(() => open({ envelope: relabelled, keyVersion, context, form }));
    }
  });

  test("refuses another key under the same name", () => {
    expectCorrupt(() => open({ envelope, keyVersion: keyVersionOf(algorithm), context, form }));
  });

  test("refuses the payload or the wrap of another envelope of the same row", () => {
    const one = parseEnvelope(envelope);
    const two = parseEnvelope(seal({ keyVersion, context, payload, random }));
    const mixed = [
      { ...one, wrappedDek: two.wrappedDek },
      { ...one, ciphertext: two.ciphertext },
      { ...one, nonce: two.nonce },
      { ...one, ciphertext: two.ciphertext, nonce: two.nonce },
    ];
    for (const parts of mixed) {
      expectCorrupt(() => open({ envelope: formatEnvelope(parts), keyVersion, context, form }));
    }
  });

  test("draws a distinct DEK, nonce and salt for each of 10,000 seals, and overwrites every DEK", () => {
    const { keySizeBytes } = algorithmSpec(algorithm);
    const seen = new Set<string>();
    const deks: Uint8Array[] = [];
    let draws = 0;
    const recording: RandomBytes = (size) => {
      const drawn = random(size);
      // DEK, nonce, wrap salt, wrap nonce
      if (draws++ % 4 === 0) {
        expect(size).toBe(keySizeBytes);
        deks.push(drawn);
      }
      seen.add(hex(drawn));
      return drawn;
    };
    for (let count = 0; count < 10_000; count++) seal({ keyVersion, context, payload, random: recording });
    expect(draws).toBe(40_000);
    expect(seen.size).toBe(40_000);
    expect(deks.every((dek) => dek.every((byte) => byte === 0))).toBe(true);
  });

  test("a rewrap opens with the new key version only and leaves the payload alone", () => {
    const to = keyVersionOf(algorithm, 2);
    const rewrapped = rewrap({ envelope, from: keyVersion, to, context, form, random });
    expect(hex(open({ envelope: rewrapped, keyVersion: to, context, form }).bytes.reveal())).toBe(
      hex(payload.bytes.reveal()),
    );
    expectCorrupt(() => open({ envelope: rewrapped, keyVersion, context, form }));
    const before = parseEnvelope(envelope);
    const after = parseEnvelope(rewrapped);
    expect(hex(after.ciphertext)).toBe(hex(before.ciphertext));
    expect(hex(after.nonce)).toBe(hex(before.nonce));
    expect(hex(after.wrappedDek.salt)).not.toBe(hex(before.wrappedDek.salt));
  });

  test("a rewrap refuses corrupt wraps, and keys that the payload is not bound to", () => {
    const to = keyVersionOf(algorithm, 2);
    const altered = Buffer.from(envelope);
    altered[50] = (altered[50] ?? 0) ^ 1;
    expectCorrupt(() => rewrap({ envelope: altered, from: keyVersion, to, context, form, random }));
    expectCorrupt(() => rewrap({ envelope, from: to, to: keyVersion, context, form, random }));
    expect(() =>
      rewrap({ envelope, from: keyVersion, to: { ...to, kmsKeyId: "kms_2" }, context, form, random }),
    ).toThrow(TypeError);
  });
});

test("a value's length is the only thing that two envelopes of it share with it", () => {
  const keyVersion = keyVersionOf("aes256-gcm96");
  const [one, two] = [0, 1].map(() => seal({ keyVersion, context, payload, random }));
  expect(one).toHaveLength(two?.byteLength ?? 0);
  expect(hex(one ?? Buffer.alloc(0))).not.toBe(hex(two ?? Buffer.alloc(0)));
  expect(one?.includes("a value")).toBe(false);
});

function sameKeySize(one: (typeof algorithms)[number], two: (typeof algorithms)[number]): boolean {
  return algorithmSpec(one).keySizeBytes === algorithmSpec(two).keySizeBytes;
}
