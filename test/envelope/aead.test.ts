// Wycheproof-style vectors through coffer's own seal and open, for every algorithm.
import { describe, expect, test } from "vitest";
import { aeadOpen, aeadSeal } from "../../src/envelope/aead.ts";
import { algorithmSpec, algorithms } from "../../src/envelope/algorithms.ts";
import { bytes, expectCorrupt, hex, vectorText } from "./fixtures.ts";
import type { AeadTestFile } from "./vectors/aead-tests.ts";

describe.each(algorithms)("%s", (algorithm) => {
  const file = JSON.parse(vectorText(`aead-${algorithm}.json`)) as AeadTestFile;
  const tests = file.testGroups.flatMap((group) => group.tests);

  test("the file holds what it says", () => {
    expect(file.algorithm).toBe(algorithm);
    expect(tests).toHaveLength(file.numberOfTests);
    const sizes = new Set(tests.map(({ key }) => key.length / 2));
    expect(sizes).toEqual(new Set([algorithmSpec(algorithm).keySizeBytes]));
    const used = new Set(tests.flatMap(({ flags }) => flags));
    expect(used).toEqual(new Set(Object.keys(file.notes)));
  });

  test.each(tests.filter(({ result }) => result === "valid"))("seals and opens #$tcId: $comment", (vector) => {
    const key = { algorithm, key: bytes(vector.key), nonce: bytes(vector.iv), aad: bytes(vector.aad) };
    expect(hex(aeadSeal(key, bytes(vector.msg)))).toBe(vector.ct + vector.tag);
    expect(hex(aeadOpen(key, bytes(vector.ct + vector.tag)))).toBe(vector.msg);
  });

  test.each(tests.filter(({ result }) => result === "invalid"))("refuses #$tcId: $comment", (vector) => {
    const key = { algorithm, key: bytes(vector.key), nonce: bytes(vector.iv), aad: bytes(vector.aad) };
    expectCorrupt(() => aeadOpen(key, bytes(vector.ct + vector.tag)));
  });

  test("refuses to seal with a nonce of another size", () => {
    const key = new Uint8Array(algorithmSpec(algorithm).keySizeBytes);
    for (const size of [0, 8, 11, 13, 16]) {
      const aad = new Uint8Array(0);
      expect(() => aeadSeal({ algorithm, key, nonce: new Uint8Array(size), aad }, aad)).toThrow(RangeError);
    }
  });
});
