// Frozen known answers: what is stored today must open for ever.
import { expect, test } from "vitest";
import { Sensitive } from "../../src/domain/sensitive.ts";
import { deriveDeploymentKeys, openDeploymentKey, wrapDeploymentKey } from "../../src/envelope/deployment-keys.ts";
import { open, seal } from "../../src/envelope/envelope.ts";
import { unwrapKeyVersion, wrapKeyVersion } from "../../src/envelope/key-version.ts";
import { parseKeyring } from "../../src/envelope/keyring.ts";
import { hashToken, macRow, verifyRow } from "../../src/envelope/mac.ts";
import { dataPayload, decodeKeyValues, keyValuesPayload } from "../../src/envelope/payload.ts";
import { bytes, given, hex, vectorText } from "./fixtures.ts";
import { vectorFiles } from "./vectors/generate.ts";
import type { KnownAnswers } from "./vectors/known-answers.ts";

const answers = JSON.parse(vectorText("known-answers.json")) as KnownAnswers;

test.each([...vectorFiles()])("%s is what its generator writes", (name, text) => {
  expect(vectorText(name)).toBe(text);
});

test("there are envelopes of each algorithm and payload form", () => {
  const seen = new Set(answers.envelopes.map(({ keyVersion, form }) => `${keyVersion.algorithm} ${form}`));
  expect(seen.size).toBe(6);
});

test.each(answers.envelopes)("envelope, both ways: $name", (answer) => {
  const { context, form } = answer;
  const keyVersion = { ...answer.keyVersion, key: new Sensitive(bytes(answer.keyVersion.key)) };
  const payload =
    "values" in answer
      ? keyValuesPayload(Object.fromEntries(Object.entries(answer.values).map(([key, value]) => [key, bytes(value)])))
      : dataPayload(bytes(answer.payload));
  expect(payload.form).toBe(form);
  expect(hex(payload.bytes.reveal())).toBe(answer.payload);
  expect(hex(seal({ keyVersion, context, payload, random: given(answer.random) }))).toBe(answer.envelope);

  const opened = open({ envelope: bytes(answer.envelope), keyVersion, context, form });
  expect(opened.form).toBe(form);
  expect(hex(opened.bytes.reveal())).toBe(answer.payload);
  if ("values" in answer) {
    const values = [...decodeKeyValues(opened.bytes)].map(([key, value]) => [key, hex(value)]);
    expect(Object.fromEntries(values)).toEqual(answer.values);
  }
});

test("a root key's id follows from the key", () => {
  const keyring = parseKeyring(answers.rootKeys.map(({ base64 }) => base64).join("\n"));
  expect([...keyring.byId.keys()]).toEqual(answers.rootKeys.map(({ id }) => id));
});

test.each(answers.keyVersions)("wrapped key version, both ways: $name.algorithm", (answer) => {
  const keyring = parseKeyring(answer.rootKey);
  const { owner, name, rootKeyId } = answer;
  const stored = wrapKeyVersion(
    keyring,
    owner,
    { ...name, key: new Sensitive(bytes(answer.key)) },
    given(answer.random),
  );
  expect({ ...stored, wrappedKey: hex(stored.wrappedKey) }).toEqual({ rootKeyId, wrappedKey: answer.wrappedKey });
  const { key, ...unwrappedName } = unwrapKeyVersion(keyring, owner, name, stored);
  expect(unwrappedName).toEqual(name);
  expect(hex(key.reveal())).toBe(answer.key);
});

test.each(answers.deploymentKeys)("wrapped deployment key, both ways, and what is derived from it", (answer) => {
  const keyring = parseKeyring(answer.rootKey);
  const { deploymentId, rootKeyId } = answer;
  const stored = wrapDeploymentKey(keyring, deploymentId, new Sensitive(bytes(answer.key)), given(answer.random));
  expect({ ...stored, wrappedKey: hex(stored.wrappedKey) }).toEqual({ rootKeyId, wrappedKey: answer.wrappedKey });
  const key = openDeploymentKey(keyring, deploymentId, stored);
  expect(hex(key.reveal())).toBe(answer.key);
  const { tokenPepper, fingerprintKey, rowMacKey } = deriveDeploymentKeys(key);
  expect(hex(tokenPepper.reveal())).toBe(answer.tokenPepper);
  expect(hex(fingerprintKey.reveal())).toBe(answer.fingerprintKey);
  expect(hex(rowMacKey.reveal())).toBe(answer.rowMacKey);
});

test.each(answers.rowMacs)("row MAC", (answer) => {
  const key = new Sensitive(bytes(answer.key));
  const fields = [
    ...[answer.string, answer.number, null, "", new Date(answer.date)],
    ...[bytes(answer.bytes), answer.boolean],
  ];
  expect(hex(macRow(key, answer.label, fields))).toBe(answer.mac);
  expect(verifyRow(key, answer.label, fields, bytes(answer.mac))).toBe(true);
});

test.each(answers.tokenHashes)("token hash", ({ pepper, secret, hash }) => {
  expect(hex(hashToken(new Sensitive(bytes(pepper)), secret))).toBe(hash);
});
