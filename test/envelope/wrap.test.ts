// A wrap opens with one key, for one purpose and one context.
import { expect, test } from "vitest";
import { Sensitive } from "../../src/domain/sensitive.ts";
import { aeadOpen, aeadSeal } from "../../src/envelope/aead.ts";
import { algorithmSpec, algorithms } from "../../src/envelope/algorithms.ts";
import { derive } from "../../src/envelope/derive.ts";
import { unwrapKey, type WrappingKey, wrapKey } from "../../src/envelope/wrap.ts";
import { expectCorrupt, hex, random } from "./fixtures.ts";

const aad = Buffer.from("context");
const info = Buffer.from("label context");

test.each(algorithms)("unwraps what it wrapped: %s", (algorithm) => {
  for (const size of [16, 32]) {
    const wrapping = wrappingKey(algorithm);
    const key = new Sensitive(random(size));
    expect(hex(unwrapKey(wrapping, wrapKey(wrapping, key, random)).reveal())).toBe(hex(key.reveal()));
  }
});

test.each(algorithms)("rejects another key, label, context and every altered part: %s", (algorithm) => {
  const wrapping = wrappingKey(algorithm);
  const wrapped = wrapKey(wrapping, new Sensitive(random(32)), random);
  expectCorrupt(() => unwrapKey({ ...wrapping, key: new Sensitive(random(32)) }, wrapped));
  expectCorrupt(() => unwrapKey({ ...wrapping, info: Buffer.from("labeL context") }, wrapped));
  expectCorrupt(() => unwrapKey({ ...wrapping, aad: Buffer.from("contexT") }, wrapped));
  for (const part of ["salt", "commitment", "nonce", "ciphertext"] as const) {
    const altered = Uint8Array.from(wrapped[part], (byte, index) => (index === 5 ? byte ^ 1 : byte));
    expectCorrupt(() => unwrapKey(wrapping, { ...wrapped, [part]: altered }));
    expectCorrupt(() => unwrapKey(wrapping, { ...wrapped, [part]: wrapped[part].subarray(1) }));
  }
});

test.each(algorithms)(
  "rejects a ciphertext that opens under another key when the commitment is not that key's: %s",
  (algorithm) => {
    const made = wrappingKey(algorithm);
    const other = wrappingKey(algorithm);
    const wrapped = wrapKey(made, new Sensitive(random(32)), random);
    // An attacker's two-key ciphertext: it authenticates under the other key too.
    const otherKey = derive(other.key, wrapped.salt, info, 64).subarray(0, algorithmSpec(algorithm).keySizeBytes);
    const aeadKey = { algorithm, key: otherKey, nonce: wrapped.nonce, aad };
    const forged = { ...wrapped, ciphertext: aeadSeal(aeadKey, random(32)) };
    expect(aeadOpen(aeadKey, forged.ciphertext)).toHaveLength(32);
    expectCorrupt(() => unwrapKey(other, forged));
  },
);

function wrappingKey(algorithm: (typeof algorithms)[number]): WrappingKey {
  return { key: new Sensitive(random(32)), algorithm, aad, info };
}
