// A new root key: added, everything wrapped under it, and the old one no longer needed, while coffer serves.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadKeyring } from "../../src/envelope/keyring.ts";
import { rewrapRoot } from "../../src/operations/keys/rewrap-root.ts";
import { startCoffer, type TestCoffer, useCoffer } from "../support/coffer.ts";
import { commandsOf } from "../support/commands.ts";
import { expectError } from "../support/errors.ts";
import { createKey } from "../support/keys.ts";
import { type SharedSettings, useProcesses } from "../support/processes.ts";
import { byId, createSecret, readText } from "../support/secrets.ts";

const processes = useProcesses();
const coffer = useCoffer({ redisUrl: null });
let settings: SharedSettings;
let file = "";
/** Serves the same deployment from the keyring file. */
let serving: TestCoffer;
beforeAll(async () => {
  settings = processes.settingsOf(coffer);
  file = settings.COFFER_ROOT_KEY_FILE;
  serving = await startCoffer({ besides: { ...coffer, keyring: loadKeyring(file) } as TestCoffer, redisUrl: null });
});
afterAll(() => serving.close());

const { run, json } = commandsOf(processes, () => ({ ...settings }));

const wrappers = async () =>
  (
    await coffer.sql(
      "select distinct root_key_id as id from (select root_key_id from deployment union all select root_key_id from kms_key_version) w",
    )
  ).map(({ id }) => id);

describe("coffer keyring rotate", () => {
  it("wraps everything anew under a new first key, says which one may go, and without that one coffer starts", async () => {
    const [before = ""] = [...loadKeyring(file).byId.keys()];
    const secret = await createSecret(coffer);
    for (let n = 0; n < 3; n++) await createKey(coffer);
    const rotated = await json(["keyring", "rotate"]);
    expect(rotated).toMatchObject({ unused: [before], rewrapped: 5 });
    expect(rotated.first).not.toBe(before);
    expect(await wrappers()).toEqual([rotated.first]);
    // An instance that runs reads the file again.
    serving.deps.keyMaterial.keepFromNow();
    expect(await readText(serving, secret)).toBe("v1");
    const lines = readFileSync(file, "utf8").split("\n");
    const keys = lines.filter((line) => line !== "" && !line.startsWith("#"));
    expect(keys).toHaveLength(2);
    writeFileSync(file, `${keys[0]}\n`);
    expect(await json(["keyring", "check"])).toMatchObject({ keyIds: [rotated.first] });
    const { url } = await processes.serve({ ...settings, COFFER_PORT: "0" });
    expect(url).toMatch(/^http/);
  });

  it("goes on where it was cut off, without another key", async () => {
    await json(["keyring", "rotate"]);
    const [first] = [...loadKeyring(file).byId.keys()];
    // As if it had ended after the first part: what is left is under the key before.
    const old = loadKeyring(file);
    const reversed = { ...old, byId: old.byId, first: [...old.byId.values()].at(-1) ?? old.first };
    await rewrapRoot({ ...coffer.deps, keyring: reversed });
    expect(await wrappers()).not.toEqual([first]);
    const again = await json(["keyring", "rotate"]);
    expect(again).toMatchObject({ first });
    expect(again.rewrapped).toBeGreaterThan(1);
    expect(await wrappers()).toEqual([first]);
  });

  it("in two steps gives every instance the key before it wraps anything", async () => {
    const { added } = await json(["keyring", "rotate", "--prepare"]);
    const { first } = loadKeyring(file);
    expect(first.id).not.toBe(added);
    expect(await wrappers()).toEqual([first.id]);
    expect(await json(["keyring", "rotate", "--to", added])).toMatchObject({ first: added });
    expect(await wrappers()).toEqual([added]);
    expect((await run(["keyring", "rotate", "--to", "feedfeedfeedfeed"])).stderr).toMatch(
      /it holds no key feedfeedfeedfeed\n$/,
    );
    expect((await run(["keyring", "rotate", "--prepare", "--to", added])).code).toBe(2);
  });

  it("leaves what does not authenticate as it is, and names it", async () => {
    const { id } = await createKey(serving);
    const [row] = await coffer.sql("select wrapped_key from kms_key_version where kms_key_id = $1", [id]);
    await coffer.sql("update kms_key_version set wrapped_key = $2 where kms_key_id = $1", [id, Buffer.alloc(125, 1)]);
    const { code, stderr } = await run(["keyring", "rotate"]);
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining(`${id} version 1`) });
    await coffer.sql("update kms_key_version set wrapped_key = $2 where kms_key_id = $1", [id, row?.["wrapped_key"]]);
    await json(["keyring", "rotate"]);
    expect(await wrappers()).toHaveLength(1);
  });
});

describe("a root key that is missing", () => {
  it("ends every start in one line that names it", async () => {
    await createSecret(coffer);
    const [row] = await coffer.sql("select root_key_id from deployment");
    const missing = "feedfeedfeedfeed";
    await coffer.sql("update kms_key_version set root_key_id = $1", [missing]);
    try {
      for (const args of [[], ["egress"], ["token", "list"], ["keyring", "check"]]) {
        const env = {
          ...settings,
          COFFER_PORT: "0",
          COFFER_EGRESS_PORT: "0",
          COFFER_DATA_DIR: join(processes.newDir(), "d"),
        };
        const { code, stderr } = await processes.launch(env, { args }).ended;
        expect({ args, code, stderr }).toEqual({
          args,
          code: 1,
          stderr: expect.stringMatching(
            /^coffer: the root keyring lacks the key feedfeedfeedfeed that this database needs[^\n]*\n$/,
          ),
        });
      }
    } finally {
      await coffer.sql("update kms_key_version set root_key_id = $1", [row?.["root_key_id"]]);
    }
  });

  it("is never called corruption at run time: the call may be tried again, and the log names the key", async () => {
    const secret = await createSecret(serving);
    const [row] = await coffer.sql("select distinct root_key_id from kms_key_version");
    await coffer.sql("update kms_key_version set root_key_id = 'feedfeedfeedfeed'");
    serving.deps.keyMaterial.keepFromNow();
    await expectError(serving.clients().secrets.getSecretValue(byId(secret.id)), {
      code: "Unavailable",
      reason: "ROOT_KEY_MISSING",
      hasRetryInfo: true,
    });
    expect(serving.logLines.join("\n")).toContain("lacks the key feedfeedfeedfeed");
    const events = await coffer.sql("select result from audit_event where resource_id = $1 order by event_time", [
      secret.id,
    ]);
    expect(events.at(-1)).toEqual({ result: "ROOT_KEY_MISSING" });
    await coffer.sql("update kms_key_version set root_key_id = $1", [row?.["root_key_id"]]);
    expect(await readText(serving, secret)).toBe("v1");
  });
});
