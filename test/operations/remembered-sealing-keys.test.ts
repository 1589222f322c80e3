// A key that sealed values is remembered, and is refused or used as it is in the database when the next value is written.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCoffer, type TestCoffer } from "../support/coffer.ts";
import { expectError } from "../support/errors.ts";
import { createKey } from "../support/keys.ts";
import { countSecrets, createSecret, data, newName, readText } from "../support/secrets.ts";

let here: TestCoffer;
let there: TestCoffer;
beforeAll(async () => {
  here = await startCoffer();
  there = await startCoffer({ besides: here });
});
afterAll(async () => {
  await there.close();
  await here.close();
});

/** A key that both instances have used just now. */
async function usedKey() {
  const key = await createKey(here);
  for (const coffer of [here, there]) await createSecret(coffer, { kmsKeyId: key.id });
  return key;
}

describe("a create on one instance after a key was changed on another", () => {
  async function expectRefused(kmsKeyId: string, reason: string) {
    const name = newName();
    const { secrets } = there.clients();
    await expectError(secrets.createSecret({ name, value: data("v"), kmsKeyId }), { reason });
    expect(await countSecrets(here, name)).toBe(0);
  }

  it("is refused if the key is disabled, and works when it is enabled again", async () => {
    const { id } = await usedKey();
    await here.clients().keys.disableKey({ id });
    await expectRefused(id, "KEY_NOT_ACTIVE");
    await here.clients().keys.enableKey({ id });
    expect(await readText(there, await createSecret(there, { kmsKeyId: id }))).toBe("v1");
  });

  it("is refused if the key is scheduled for destruction", async () => {
    const { id } = await usedKey();
    await here.clients().keys.scheduleKeyDestruction({ id });
    await expectRefused(id, "KEY_NOT_ACTIVE");
  });

  it("is sealed with the new version if the key is rotated", async () => {
    const { id } = await usedKey();
    await here.clients().keys.rotateKey({ id });
    const secret = await createSecret(there, { kmsKeyId: id });
    const [row] = await here.sql("select kms_key_version from secret_version where secret_id = $1", [secret.id]);
    expect(row).toEqual({ kms_key_version: 2 });
    expect(await readText(here, secret)).toBe("v1");
  });

  it.each([
    ["state", "'DISABLED'"],
    ["primary_version", "2"],
    ["algorithm", "'AES_128_GCM'"],
    ["mac", "''"],
  ])("is refused if SQL has changed the key's %s", async (column, expression) => {
    const { id } = await usedKey();
    await here.sql(`update kms_key set ${column} = ${expression} where kms_key_id = $1`, [id]);
    await expectRefused(id, "VALUE_CORRUPT");
  });
});
