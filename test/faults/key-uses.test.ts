// Uses of keys when something is slow or broken: nothing leaves without its audit event, and slow work holds nobody up.
import { describe, expect, it, vi } from "vitest";
import { Sensitive } from "../../src/domain/sensitive.ts";
import { startCoffer, useCoffer } from "../support/coffer.ts";
import { expectErrors } from "../support/errors.ts";
import { usesOf, utf8 } from "../support/key-uses.ts";
import { createKey, getKey } from "../support/keys.ts";
import { present } from "../support/secrets.ts";

const coffer = useCoffer();
const input = utf8("m");

it("no use of a key is answered when its audit event cannot be written", async () => {
  const { keys } = coffer.clients();
  const [{ id }, { id: signing }, { id: mac }] = [
    await createKey(coffer, { exportAllowed: true }),
    await createKey(coffer, { algorithm: "ed25519" }),
    await createKey(coffer, { algorithm: "hmac" }),
  ];
  const { ciphertext } = await keys.encrypt({ id, plaintext: utf8("p") });
  await coffer.sql("alter table audit_event rename to audit_event_away");
  try {
    const calls = [
      keys.encrypt({ id, plaintext: utf8("p") }),
      keys.decrypt({ id, ciphertext }),
      keys.batchEncrypt({ id, requests: [{ plaintext: utf8("p") }] }),
      keys.batchDecrypt({ id, requests: [{ ciphertext }] }),
      keys.exportKey({ id }),
      keys.sign({ id: signing, input }),
      keys.verify({ id: signing, input, signature: utf8("s") }),
      keys.computeMac({ id: mac, input }),
      keys.verifyMac({ id: mac, input, mac: utf8("m") }),
    ];
    await expectErrors(calls, { code: "Unavailable", reason: "AUDIT_UNAVAILABLE", hasRetryInfo: true });
  } finally {
    await coffer.sql("alter table audit_event_away rename to audit_event");
  }
  expect(await usesOf(coffer, id)).toEqual(["Encrypt 1 OK 1"]);
  await keys.decrypt({ id, ciphertext });
});

it("overwrites plaintext and key material that cannot be answered because its audit event cannot be written", async () => {
  const { keys } = coffer.clients();
  const { id } = await createKey(coffer, { exportAllowed: true });
  const texts = ["left-1", "left-2", "left-3"];
  const [one = new Uint8Array(), ...others] = await Promise.all(
    texts.map(async (text) => (await keys.encrypt({ id, plaintext: utf8(text) })).ciphertext),
  );
  const material = Buffer.from((await keys.exportKey({ id })).keyMaterial).toString("latin1");
  const overwritten: string[] = [];
  const { zero } = Sensitive.prototype;
  const spy = vi.spyOn(Sensitive.prototype, "zero").mockImplementation(function (this: Sensitive) {
    overwritten.push(Buffer.from(this.reveal()).toString("latin1"));
    zero.call(this);
  });
  await coffer.sql("alter table audit_event rename to audit_event_away");
  try {
    const requests = others.map((ciphertext) => ({ ciphertext }));
    const calls = [keys.decrypt({ id, ciphertext: one }), keys.batchDecrypt({ id, requests }), keys.exportKey({ id })];
    await expectErrors(calls, { reason: "AUDIT_UNAVAILABLE" });
  } finally {
    await coffer.sql("alter table audit_event_away rename to audit_event");
    spy.mockRestore();
  }
  expect(overwritten).toEqual(expect.arrayContaining([...texts, material]));
});

describe("while RSA keys are made or rotated", () => {
  it("other calls are answered, and changes of the same key do not wait", async () => {
    const { keys } = coffer.clients();
    const quick = await createKey(coffer);
    const slow = await createKey(coffer, { algorithm: "rsa-2048" });
    let isMaking = true;
    const making = Promise.all([
      createKey(coffer, { algorithm: "rsa-4096" }),
      keys.rotateKey({ id: slow.id }),
      createKey(coffer, { algorithm: "rsa-4096" }),
    ]).finally(() => {
      isMaking = false;
    });
    let answered = 0;
    while (isMaking) {
      await keys.encrypt({ id: quick.id, plaintext: utf8("p") });
      answered++;
    }
    const [, { key: rotated }] = await making;
    expect(answered).toBeGreaterThan(20);
    expect(present(rotated).primaryVersion).toBe(2);
  }, 60_000);

  it("two rotations at once make two versions", async () => {
    const { keys } = coffer.clients();
    const { id } = await createKey(coffer, { algorithm: "rsa-2048" });
    await Promise.all([keys.rotateKey({ id }), keys.rotateKey({ id })]);
    expect((await getKey(coffer, { id })).versions.map(({ version }) => version)).toEqual([1, 2, 3]);
    const { publicKeys } = await keys.getPublicKey({ id });
    expect(new Set(publicKeys.map(({ pem }) => pem)).size).toBe(3);
  }, 60_000);
});

it("every instance uses what another has made, rotated and disabled, from the next call on", async () => {
  const there = await startCoffer({ besides: coffer });
  try {
    const [here, away] = [coffer.clients().keys, there.clients().keys];
    const { id } = await createKey(coffer, { algorithm: "aes256-gcm96" });
    const first = await away.encrypt({ id, plaintext: utf8("p") });
    await here.rotateKey({ id });
    expect((await away.encrypt({ id, plaintext: utf8("p") })).keyVersion).toBe(2);
    expect((await here.decrypt({ id, ciphertext: first.ciphertext })).plaintext).toEqual(utf8("p"));
    await away.disableKey({ id });
    const calls = [here.encrypt({ id, plaintext: utf8("p") }), here.decrypt({ id, ciphertext: first.ciphertext })];
    await expectErrors(calls, { reason: "KEY_NOT_ACTIVE" });
  } finally {
    await there.close();
  }
});
