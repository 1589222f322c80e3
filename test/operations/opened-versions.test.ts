// DEKs in memory: found only for the same row, and overwritten as soon as they leave the memory.
import { expect, it } from "vitest";
import { Sensitive } from "../../src/domain/sensitive.ts";
import { UnwrappedDek } from "../../src/envelope/envelope.ts";
import { createOpenedVersions, type OpenedVersion } from "../../src/runtime/opened-versions.ts";
import type { UnreadVersion } from "../../src/store/read-values.ts";

const head = Buffer.from("head");

function rowOf(facts: string, envelope = Buffer.concat([head, Buffer.from("payload")])): UnreadVersion {
  return { facts, envelope, policyTime: null, isRecorded: true };
}

/** `isZeroed` says whether its DEK was overwritten: then its envelope is no longer its own. */
function opened(kmsKeyId = "kms_1"): OpenedVersion & { isZeroed(): boolean } {
  const bytes = { head, dek: new Sensitive(Uint8Array.from([1, 2, 3])), aad: new Uint8Array() };
  const dek = new UnwrappedDek({ form: "data", algorithm: "aes256-gcm96" }, bytes);
  return {
    ...{ workspaceId: "ws_1", secretId: "sec_1", versionId: "secv_1", versionNumber: 1 },
    ...{ kmsKeyId, kmsKeyVersion: 1, dek, isZeroed: () => !dek.isOf(Buffer.from("head and more")) },
  };
}

it("finds a version for the same facts and the same wrapped DEK, and for no others", () => {
  const versions = createOpenedVersions();
  versions.keep(rowOf("(a)"), opened(), versions.mark());
  expect(versions.find(rowOf("(a)"))).toMatchObject({ secretId: "sec_1" });
  expect(versions.find(rowOf("(a)", Buffer.from("head and another payload")))).toBeDefined();
  expect(versions.find(rowOf("(b)"))).toBeUndefined();
  expect(versions.find(rowOf("(a)", Buffer.from("Head payload")))).toBeUndefined();
  expect(versions.find(rowOf("(a)", Buffer.from("head")))).toBeUndefined();
  expect(versions.find({ ...rowOf("(a)"), envelope: null })).toBeUndefined();
  versions.close();
});

it.each<[string, (versions: ReturnType<typeof createOpenedVersions>) => void]>([
  ["its key is dropped", (versions) => versions.dropKey("kms_1")],
  ["notifications are lost", (versions) => versions.keepNothing()],
  ["notifications come again", (versions) => versions.keepFromNow()],
  ["the process stops", (versions) => versions.close()],
  ["the same row is opened again", (versions) => versions.keep(rowOf("(a)"), opened(), versions.mark())],
])("overwrites the DEK when %s", (_when, act) => {
  const versions = createOpenedVersions();
  const version = opened();
  versions.keep(rowOf("(a)"), version, versions.mark());
  act(versions);
  expect(version.isZeroed()).toBe(true);
  versions.close();
});

it("keeps the versions of other keys when a key is dropped", () => {
  const versions = createOpenedVersions();
  versions.keep(rowOf("(a)"), opened("kms_1"), versions.mark());
  versions.keep(rowOf("(b)"), opened("kms_2"), versions.mark());
  versions.dropKey("kms_1");
  expect(versions.find(rowOf("(a)"))).toBeUndefined();
  expect(versions.find(rowOf("(b)"))).toBeDefined();
  versions.close();
});

it("does not keep a version whose rows were read before a key was dropped", () => {
  const versions = createOpenedVersions();
  const mark = versions.mark();
  versions.dropKey("kms_1");
  const version = opened();
  versions.keep(rowOf("(a)"), version, mark);
  expect(version.isZeroed()).toBe(true);
  expect(versions.find(rowOf("(a)"))).toBeUndefined();
  versions.close();
});

it("forgets a version after ten minutes", () => {
  let nowMs = 0;
  const versions = createOpenedVersions(() => nowMs);
  versions.keep(rowOf("(a)"), opened(), versions.mark());
  nowMs = 10 * 60_000 - 1;
  expect(versions.find(rowOf("(a)"))).toBeDefined();
  nowMs++;
  expect(versions.find(rowOf("(a)"))).toBeUndefined();
  versions.close();
});

it("a full memory evicts the oldest version that was not used again, and overwrites its DEK", () => {
  const versions = createOpenedVersions();
  const [first, second] = [opened(), opened()];
  versions.keep(rowOf("(1)"), first, versions.mark());
  versions.keep(rowOf("(2)"), second, versions.mark());
  for (let i = 3; i <= 16_384; i++) versions.keep(rowOf(`(${i})`), opened(), versions.mark());
  versions.find(rowOf("(1)"));
  versions.keep(rowOf("(one more)"), opened(), versions.mark());
  expect(versions.find(rowOf("(1)"))).toBeDefined();
  expect(versions.find(rowOf("(2)"))).toBeUndefined();
  expect(first.isZeroed()).toBe(false);
  expect(second.isZeroed()).toBe(true);
  versions.close();
});
