// A root key is changed while coffer serves, in one go or in steps, and the old one can go.
import { randomBytes } from "node:crypto";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseKeyring } from "../../src/envelope/keyring.ts";
import { createClients, startCoffer, type TestCoffer, useCoffer } from "../support/coffer.ts";
import { expectError } from "../support/errors.ts";
import { useProcesses } from "../support/processes.ts";
import { byId, createSecret, data, present } from "../support/secrets.ts";

const processes = useProcesses();
const newKey = () => randomBytes(32).toString("base64");
const linesOf = (file: string) =>
  readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
const idOf = (line = "") => parseKeyring(line).first.id;

/** A deployment of its own, whose keyring is in a file. */
async function begin() {
  const coffer = await startCoffer({ redisUrl: null });
  onTestFinished(() => coffer.close());
  const settings = processes.settingsOf(coffer);
  const file = settings.COFFER_ROOT_KEY_FILE;
  const run = async (...args: string[]) => processes.launch({ ...settings }, { args }).ended;
  const json = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(...args, "--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return JSON.parse(stdout);
  };
  return { coffer, settings, file, run, json, oldId: coffer.keyring.first.id };
}

/** The root keys that wrap anything. */
async function usedKeys(coffer: TestCoffer): Promise<unknown[]> {
  const rows = await coffer.sql(
    "select root_key_id as id from kms_key_version union select root_key_id from deployment union select root_key_id from import_wrapping_key order by 1",
  );
  return rows.map(({ id }) => id);
}

const textOf = async (clients: ReturnType<typeof createClients>, id: string) => {
  const { value } = await clients.secrets.getSecretValue(byId(id));
  return value.case === "data" ? Buffer.from(value.value).toString() : value.case;
};

describe("coffer keyring rotate", () => {
  it("wraps everything under a new key while coffer serves, which still works after the old key is removed", async () => {
    const { coffer, settings, file, json, oldId } = await begin();
    const { id } = await createSecret(coffer, { value: data("before") });
    const serving = await processes.serve({ ...settings });
    const clients = createClients(serving.url, coffer.ownerToken);
    expect(await textOf(clients, id)).toBe("before");
    const { mode, uid } = statSync(file);
    const input = Buffer.from("signed before");
    const signing = present((await clients.keys.createKey({ name: "signs", algorithm: "ecdsa-p256" })).key);
    const { signature } = await clients.keys.sign({ id: signing.id, input });
    const { publicKey } = await clients.keys.getWrappingKey({});

    const { keys, rewrapped, corrupt } = await json("keyring", "rotate");
    const [newId] = linesOf(file).map(idOf);
    expect(newId).not.toBe(oldId);
    expect(linesOf(file).map(idOf)).toEqual([newId, oldId]);
    expect(statSync(file)).toMatchObject({ mode, uid });
    expect(rewrapped).toBeGreaterThanOrEqual(2);
    expect(corrupt).toEqual([]);
    expect(keys).toEqual([
      { id: newId, wraps: rewrapped },
      { id: oldId, wraps: 0 },
    ]);
    expect(await usedKeys(coffer)).toEqual([newId]);
    expect(
      await coffer.sql("select method, resource_id, result from audit_event where method like 'command/keyring%'"),
    ).toEqual([{ method: "command/keyring rotate", resource_id: newId, result: "OK" }]);

    // The instance that began with the old keyring reads, and wraps new keys under the new one.
    expect(await textOf(clients, id)).toBe("before");
    const { key } = await clients.keys.createKey({ name: "made-later" });
    const later = present(
      (await clients.secrets.createSecret({ name: "later", value: data("later"), kmsKeyId: present(key).id })).secret,
    );
    expect(await usedKeys(coffer)).toEqual([newId]);
    await serving.stop();

    // The old key goes.
    writeFileSync(file, `${linesOf(file)[0]}\n`);
    const again = await processes.serve({ ...settings });
    const after = createClients(again.url, coffer.ownerToken);
    expect([await textOf(after, id), await textOf(after, later.id)]).toEqual(["before", "later"]);
    expect((await after.keys.verify({ id: signing.id, input, signature })).valid).toBe(true);
    expect((await after.keys.sign({ id: signing.id, input })).keyVersion).toBe(1);
    expect((await after.keys.getWrappingKey({})).publicKey).toBe(publicKey);
    expect(await json("keyring", "check")).toMatchObject({ opens: true });
  });

  it("finishes an interrupted rotation, without another new key", async () => {
    const { coffer, settings, file, json, oldId } = await begin();
    const { id } = await createSecret(coffer, { value: data("before") });
    // As it is when a rotation ended after the keyring was written: a new first key, and only a part wrapped by it.
    writeFileSync(file, `${newKey()}\n${linesOf(file)[0]}\n`);
    const newId = idOf(linesOf(file)[0]);
    const serving = await processes.serve({ ...settings });
    const clients = createClients(serving.url, coffer.ownerToken);
    await clients.keys.createKey({ name: "in-between" });
    expect(await usedKeys(coffer)).toEqual([oldId, newId].toSorted());

    const { keys } = await json("keyring", "rotate");
    expect(keys.map((key: { id: string }) => key.id)).toEqual([newId, oldId]);
    expect(await usedKeys(coffer)).toEqual([newId]);
    expect(await textOf(clients, id)).toBe("before");
  });

  it("takes the key that `keyring add` made, once every machine has it", async () => {
    const { coffer, file, json, oldId } = await begin();
    await createSecret(coffer);
    const { keyId } = await json("keyring", "add");
    expect(linesOf(file).map(idOf)).toEqual([oldId, keyId]);
    expect(await usedKeys(coffer)).toEqual([oldId]);
    await json("keyring", "rotate");
    expect(linesOf(file).map(idOf)).toEqual([keyId, oldId]);
    expect(await usedKeys(coffer)).toEqual([keyId]);
  });

  it("makes a new key each time, and never uses a key again that it has replaced", async () => {
    const { coffer, file, json, oldId } = await begin();
    await json("keyring", "rotate");
    const [secondId] = linesOf(file).map(idOf);
    await json("keyring", "rotate");
    const [thirdId] = linesOf(file).map(idOf);
    expect(linesOf(file).map(idOf)).toEqual([thirdId, secondId, oldId]);
    expect(await usedKeys(coffer)).toEqual([thirdId]);
    const { keyId } = await json("keyring", "add");
    await json("keyring", "rotate");
    await json("keyring", "rotate");
    const ids = linesOf(file).map(idOf);
    expect(ids.slice(1)).toEqual([keyId, thirdId, secondId, oldId]);
    expect(await usedKeys(coffer)).toEqual([ids[0]]);
  });

  it("leaves a key whose wrap does not authenticate, and says which", async () => {
    const { coffer, file, json, run, oldId } = await begin();
    await coffer.clients().keys.createKey({ name: "damaged" });
    const [damaged] = await coffer.sql(
      `update kms_key_version v set wrapped_key = set_byte(wrapped_key, 80, get_byte(wrapped_key, 80) # 1)
       from kms_key k where k.kms_key_id = v.kms_key_id and k.name = 'damaged' returning v.workspace_id, v.kms_key_id`,
    );
    const name = `${damaged?.["workspace_id"]}/${damaged?.["kms_key_id"]}/1`;
    const { corrupt, keys } = await json("keyring", "rotate");
    expect(corrupt).toEqual([name]);
    expect(keys[1]).toEqual({ id: oldId, wraps: 1 });
    // It does not prevent the next rotation either.
    const { stdout, code } = await run("keyring", "rotate");
    expect(code).toBe(0);
    const [firstId, ...others] = linesOf(file).map(idOf);
    expect(others).toEqual([keys[0].id, oldId]);
    expect(new Set(await usedKeys(coffer))).toEqual(new Set([firstId, oldId]));
    expect(stdout).toMatch(new RegExp(`${oldId} +1 +needed`));
    expect(stdout).toContain(`key versions that cannot be unwrapped and were not changed: ${name}`);
  });

  it("leaves an import key whose wrap does not authenticate, and says which", async () => {
    const { coffer, json } = await begin();
    await coffer.clients().keys.getWrappingKey({});
    const [damaged] = await coffer.sql(
      "update import_wrapping_key set wrapped_key = set_byte(wrapped_key, 80, get_byte(wrapped_key, 80) # 1) returning workspace_id",
    );
    const { corrupt } = await json("keyring", "rotate");
    expect(corrupt).toEqual([`${damaged?.["workspace_id"]} the import key of default`]);
  });

  it.runIf(process.getuid?.() === 0)("says so when the keyring cannot be written, and changes nothing", async () => {
    const { coffer, settings, file, oldId } = await begin();
    const before = readFileSync(file, "utf8");
    chmodSync(file, 0o644);
    for (let folder = dirname(file), i = 0; i < 3; i++, folder = dirname(folder)) chmodSync(folder, 0o755);
    const nobody = { uid: 65_534, gid: 65_534 };
    const { code, stderr } = await processes.launch(
      { ...settings },
      { args: ["keyring", "add"], runAs: nobody, cwd: "/" },
    ).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^coffer: root keyring \S+: it cannot be written \(EACCES\); in the place .* as the first line, and try again\n$/,
    );
    expect(readFileSync(file, "utf8")).toBe(before);
    expect(await usedKeys(coffer)).toEqual([oldId]);
  });
});

describe("a root key that is missing", () => {
  const coffer = useCoffer({ redisUrl: null });

  it.each(["serve", "egress", "workspace list", "keyring check"])(
    "ends `coffer %s` with one line that names it",
    async (command) => {
      const { coffer: own, settings, run, file } = await begin();
      await own.clients().keys.createKey({ name: "of-another" });
      const foreign = newKey();
      await own.sql(
        "update kms_key_version set root_key_id = $1 where kms_key_id = (select kms_key_id from kms_key where name like 'of%')",
        [idOf(foreign)],
      );
      expect(settings.COFFER_ROOT_KEY_FILE).toBe(file);
      const { code, stdout, stderr } = await run(...command.split(" "));
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toBe(
        `coffer: the root keyring lacks root keys that this database needs: ${idOf(foreign)}; add their lines to the keyring file\n`,
      );
    },
  );

  it("fails reads with UNAVAILABLE and its id, never with VALUE_CORRUPT", async () => {
    const { id } = await createSecret(coffer);
    await coffer.sql("update kms_key_version set root_key_id = 'feedfacefeedface'");
    coffer.deps.keyMaterial.keepFromNow();
    const error = { code: "Unavailable", reason: "ROOT_KEY_MISSING", metadata: { root_key_id: "feedfacefeedface" } };
    await expectError(coffer.clients().secrets.getSecretValue(byId(id)), error);
    await expectError(coffer.clients().secrets.createSecret({ name: "new", value: data("v") }), error);
    expect(await coffer.sql("select 1 from audit_event where result = 'VALUE_CORRUPT'")).toEqual([]);
  });
});
