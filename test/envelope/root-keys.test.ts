// Keys under root keys: only the right keyring opens them, in the right database, and says clearly what is wrong.
import { describe, expect, test } from "vitest";
import { CofferError } from "../../src/domain/error/errors.ts";
import { StartupError } from "../../src/domain/error/startup-error.ts";
import {
  deriveDeploymentKeys,
  newDeploymentKey,
  openDeploymentKey,
  wrapDeploymentKey,
} from "../../src/envelope/deployment-keys.ts";
import { unwrapKeyVersion, wrapKeyVersion } from "../../src/envelope/key-version.ts";
import { parseKeyring } from "../../src/envelope/keyring.ts";
import { expectCorrupt, hex, keyVersionOf, random } from "./fixtures.ts";

const [keyA, keyB] = [0, 1].map(() => Buffer.from(random(32)).toString("base64"));
const keyring = parseKeyring(`${keyA}`);
const laterKeyring = parseKeyring(`${keyB}\n${keyA}`);
const otherKeyring = parseKeyring(`${keyB}`);

describe("a KMS key version", () => {
  const owner = { deploymentId: "dep_1", workspaceId: "ws_1" };
  const keyVersion = keyVersionOf("aes256-gcm96");
  const stored = wrapKeyVersion(keyring, owner, keyVersion, random);

  test("opens as long as its root key is in the keyring, first or not", () => {
    expect(hex(unwrapKeyVersion(laterKeyring, owner, keyVersion, stored).key.reveal())).toBe(
      hex(keyVersion.key.reveal()),
    );
    expect(wrapKeyVersion(laterKeyring, owner, keyVersion, random).rootKeyId).toBe(otherKeyring.first.id);
  });

  test("refuses another owner, another name and every flipped byte", () => {
    expectCorrupt(() => unwrapKeyVersion(keyring, { ...owner, deploymentId: "dep_2" }, keyVersion, stored));
    expectCorrupt(() => unwrapKeyVersion(keyring, { ...owner, workspaceId: "ws_2" }, keyVersion, stored));
    expectCorrupt(() => unwrapKeyVersion(keyring, owner, { ...keyVersion, kmsKeyId: "kms_2" }, stored));
    expectCorrupt(() => unwrapKeyVersion(keyring, owner, { ...keyVersion, version: 2 }, stored));
    expectCorrupt(() => unwrapKeyVersion(keyring, owner, { ...keyVersion, algorithm: "chacha20-poly1305" }, stored));
    for (let index = 0; index < stored.wrappedKey.byteLength; index++) {
      const wrappedKey = Uint8Array.from(stored.wrappedKey, (byte, at) => (at === index ? byte ^ 1 : byte));
      expectCorrupt(() => unwrapKeyVersion(keyring, owner, keyVersion, { ...stored, wrappedKey }));
      const truncated = stored.wrappedKey.subarray(0, index);
      expectCorrupt(() => unwrapKeyVersion(keyring, owner, keyVersion, { ...stored, wrappedKey: truncated }));
    }
  });

  test("is unavailable without its root key, and says which one is missing", () => {
    const error = thrownBy(() => unwrapKeyVersion(otherKeyring, owner, keyVersion, stored));
    expect(error).toBeInstanceOf(CofferError);
    expect(error).toMatchObject({ reason: "ROOT_KEY_MISSING", metadata: { root_key_id: stored.rootKeyId } });
  });

  test("does not open under the id of another root key", () => {
    const moved = { ...stored, rootKeyId: otherKeyring.first.id };
    expectCorrupt(() => unwrapKeyVersion(laterKeyring, owner, keyVersion, moved));
  });
});

describe("a deployment key", () => {
  const key = newDeploymentKey(random);
  const stored = wrapDeploymentKey(keyring, "dep_1", key, random);

  test("opens with its root key, first or not, and moves to the first one", () => {
    expect(hex(openDeploymentKey(laterKeyring, "dep_1", stored).reveal())).toBe(hex(key.reveal()));
    const moved = wrapDeploymentKey(laterKeyring, "dep_1", key, random);
    expect(hex(openDeploymentKey(otherKeyring, "dep_1", moved).reveal())).toBe(hex(key.reveal()));
  });

  test("names the root key that the keyring lacks", () => {
    const error = thrownBy(() => openDeploymentKey(otherKeyring, "dep_1", stored));
    expect(error).toBeInstanceOf(StartupError);
    expect((error as Error).message).toBe(
      `the root keyring lacks the key ${keyring.first.id} that this database needs; it holds ${otherKeyring.first.id}`,
    );
  });

  test.each([
    ["another deployment", "dep_2", stored],
    [
      "an altered wrap",
      "dep_1",
      { ...stored, wrappedKey: stored.wrappedKey.map((byte, at) => byte ^ (at === 90 ? 1 : 0)) },
    ],
    ["a truncated wrap", "dep_1", { ...stored, wrappedKey: stored.wrappedKey.subarray(0, 20) }],
  ])("says that the root key does not fit: %s", (_name, deploymentId, broken) => {
    const error = thrownBy(() => openDeploymentKey(keyring, deploymentId, broken));
    expect(error).toBeInstanceOf(StartupError);
    expect((error as Error).message).toBe(`the root key ${stored.rootKeyId} does not fit this database`);
  });

  test("gives a key of its own for each purpose", () => {
    const { tokenPepper, fingerprintKey, rowMacKey } = deriveDeploymentKeys(key);
    const keys = [key, tokenPepper, fingerprintKey, rowMacKey].map((each) => hex(each.reveal()));
    expect(new Set(keys).size).toBe(4);
  });
});

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
