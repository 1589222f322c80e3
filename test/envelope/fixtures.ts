// Shared by the envelope tests: fixed randomness, the row of a value, a key version, and the error of corrupt values.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { CofferError } from "../../src/domain/error/errors.ts";
import type { RandomBytes } from "../../src/domain/random.ts";
import { Sensitive } from "../../src/domain/sensitive.ts";
import type { ValueContext } from "../../src/envelope/aad.ts";
import { type Algorithm, algorithmSpec } from "../../src/envelope/algorithms.ts";
import type { KeyVersion } from "../../src/envelope/key-version.ts";

export const random: RandomBytes = randomBytes;

export const context: ValueContext = {
  deploymentId: "dep_1",
  workspaceId: "ws_1",
  secretId: "sec_1",
  versionNumber: 1,
};

export function keyVersionOf(algorithm: Algorithm, version = 1): KeyVersion {
  const key = new Sensitive(random(algorithmSpec(algorithm).keySizeBytes));
  return { kmsKeyId: "kms_1", version, algorithm, key };
}

/** Gives these bytes, one after the other, each as a copy, and nothing else. */
export function given(hexes: readonly string[]): RandomBytes {
  const left = hexes.map(bytes);
  return (size) => {
    const next = left.shift();
    if (next?.byteLength !== size) throw new Error("the vector has no such randomness");
    return next;
  };
}

export function bytes(hex: string): Buffer {
  return Buffer.from(hex, "hex");
}

export function hex(value: Uint8Array): string {
  return Buffer.from(value).toString("hex");
}

export function vectorText(name: string): string {
  return readFileSync(join(import.meta.dirname, "vectors", name), "utf8");
}

/** Every corruption looks the same: nothing tells what was wrong. */
export function expectCorrupt(run: () => unknown): void {
  let thrown: unknown;
  try {
    run();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(CofferError);
  const { reason, message, metadata, cause } = thrown as CofferError;
  expect({ reason, message, metadata, cause }).toEqual({
    reason: "VALUE_CORRUPT",
    message: "the stored value does not authenticate",
    metadata: {},
    cause: undefined,
  });
}
