// The command line as the process that administrators start, on a database of its own.
import { randomBytes } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../gen/coffer/v1/token_service_pb.ts";
import { useCoffer } from "../support/coffer.ts";
import { commandsOf } from "../support/commands.ts";
import { createTestDatabase } from "../support/database.ts";
import { expectError, unauthenticated } from "../support/errors.ts";
import { until } from "../support/poll.ts";
import { type SharedSettings, useProcesses } from "../support/processes.ts";
import { byId, createSecret, present } from "../support/secrets.ts";

const processes = useProcesses();
/** Is serving while the commands run. */
const coffer = useCoffer({ redisUrl: null });
let settings: SharedSettings;
beforeAll(() => {
  settings = processes.settingsOf(coffer);
});
const textPattern = /sk_coffer_[0-9A-Za-z]{10}_[0-9A-Za-z]{33}/g;

const { run, json } = commandsOf(processes, () => ({ ...settings }));

const home = async () => (await coffer.clients().tokens.whoAmI({})).workspaceId;

describe("coffer workspace", () => {
  it("creates one with an owner of its own, whose token works at once, and lists it", async () => {
    const { workspace, ownerToken } = await json(["workspace", "create", "--name", "acme"]);
    expect(workspace).toMatchObject({ displayName: "acme", purgeRetentionDays: 30 });
    expect(await coffer.clients(ownerToken).tokens.whoAmI({})).toMatchObject({
      workspaceId: workspace.id,
      role: Role.OWNER,
    });
    await createSecret(coffer, {}, ownerToken);
    const { workspaces } = await json(["workspace", "list"]);
    expect(workspaces.map(({ id }: { id: string }) => id)).toEqual([await home(), workspace.id]);
    const table = await run(["workspace", "list"]);
    expect(table.stdout).toMatch(
      new RegExp(`^WORKSPACE +NAME +TIER +CREATED\\n(.*\\n)*${workspace.id} +acme +enterprise +20`),
    );
    expect(
      await coffer.sql("select principal_id, method, result from audit_event where resource_id = $1", [workspace.id]),
    ).toEqual([{ principal_id: "prn_system", method: "command/workspace create", result: "OK" }]);
  });
});

describe("coffer token", () => {
  it("creates one for a service principal, prints its text once on stdout, and revokes it", async () => {
    const workspaceId = await home();
    const args = ["--workspace", workspaceId, "--role", "operator", "--scope", "secrets.*", "--scope", "tokens.list"];
    const { code, stdout, stderr } = await run(["token", "create", ...args, "--expires-in", "30d", "--name", "ci"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.match(textPattern)).toHaveLength(1);
    const text = present(stdout.trimEnd().split("\n").at(-1));
    expect(text).toMatch(new RegExp(`^${textPattern.source}$`));
    const { tokenId, role, permissions } = await coffer.clients(text).tokens.whoAmI({});
    expect(role).toBe(Role.OPERATOR);
    expect(permissions).not.toContain("versions.access");

    const { apiTokens } = await json(["token", "list", "--workspace", workspaceId]);
    const listed = apiTokens.find(({ id }: { id: string }) => id === tokenId);
    expect(listed).toMatchObject({ displayName: "ci", workspaceId, scopes: ["secrets.*", "tokens.list"] });
    const lastsMs = new Date(listed.expireTime).getTime() - new Date(listed.createTime).getTime();
    expect(Math.abs(lastsMs - 30 * 86_400_000)).toBeLessThan(5_000);
    const table = await run(["token", "list"]);
    expect(table.stdout).toContain(tokenId);
    expect(table.stdout).not.toMatch(textPattern);

    expect((await json(["token", "revoke", tokenId])).apiToken.revokeTime).toMatch(/^20/);
    await until("the service refuses it", () =>
      coffer
        .clients(text)
        .tokens.whoAmI({})
        .then(
          () => false,
          () => true,
        ),
    );
    await expectError(coffer.clients(text).tokens.whoAmI({}), unauthenticated);
    const events = await coffer.sql(
      "select principal_id, method, decision from audit_event where resource_id = $1 order by event_id",
      [tokenId],
    );
    expect(events).toEqual([
      { principal_id: "prn_system", method: "command/token create", decision: "ALLOW" },
      { principal_id: "prn_system", method: "command/token revoke", decision: "ALLOW" },
    ]);
  });

  it("creates a broad one, which works with akua-context and workspace_id, and is audited in each workspace", async () => {
    const workspaceId = await home();
    const other = (await json(["workspace", "create", "--name", "other"])).workspace.id;
    const { apiToken, token } = await json(["token", "create", "--every-workspace", "--role", "admin"]);
    expect(apiToken).not.toHaveProperty("workspaceId");
    const { id } = await createSecret(coffer);
    const statusIn = async (context?: string) => {
      const headers: Record<string, string> = context === undefined ? {} : { "akua-context": context };
      return (await coffer.fetch(`/v1/secrets/${id}`, { token, headers })).status;
    };
    expect([
      await statusIn(workspaceId),
      await statusIn(other),
      await statusIn("ws_unknown"),
      await statusIn(),
    ]).toEqual([200, 404, 403, 400]);
    const { secrets, tokens } = coffer.clients(token);
    expect((await secrets.getSecret({ ...byId(id), workspaceId })).secret?.id).toBe(id);
    for (const each of [workspaceId, other]) {
      expect(
        await coffer.sql("select 1 as found from audit_event where workspace_id = $1 and resource_id = $2", [
          each,
          apiToken.id,
        ]),
      ).toEqual([{ found: 1 }]);
    }
    // From here on the API makes others, as far as this one reaches.
    const next = await tokens.createToken({ displayName: "n", role: Role.VIEWER, everyWorkspace: true, workspaceId });
    expect((await coffer.clients(next.token).tokens.whoAmI({ workspaceId: other })).role).toBe(Role.VIEWER);
  });
});

describe("coffer keyring", () => {
  it("init makes one that only its owner can read, and never another over it", async () => {
    const file = join(processes.newDir(), "root.key");
    const env = { COFFER_DATABASE_URL: "postgres://127.0.0.1:1/none", COFFER_ROOT_KEY_FILE: file };
    const { keyId } = await json(["keyring", "init"], env);
    const text = readFileSync(file, "utf8");
    expect(keyId).toMatch(/^[0-9a-f]{16}$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const again = await run(["keyring", "init"], env);
    expect(again).toEqual({ code: 1, stdout: "", stderr: `coffer: root keyring ${file}: it is already there\n` });
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  it("check says whether it opens this deployment", async () => {
    expect(await json(["keyring", "check"])).toMatchObject({
      file: settings.COFFER_ROOT_KEY_FILE,
      deploymentId: coffer.deps.deploymentId,
    });
    const other = join(processes.newDir(), "root.key");
    writeFileSync(other, randomBytes(32).toString("base64"), { mode: 0o600 });
    const wrong = await run(["keyring", "check"], { ...settings, COFFER_ROOT_KEY_FILE: other });
    expect(wrong).toMatchObject({ code: 1, stdout: "" });
    expect(wrong.stderr).toMatch(
      /^coffer: the root keyring lacks the key [0-9a-f]{16} that this database needs[^\n]*\n$/,
    );
  });

  it("check notices a key of a workspace that a missing root key wraps", async () => {
    const [row] = await coffer.sql("select root_key_id from kms_key_version limit 1");
    await coffer.sql("update kms_key_version set root_key_id = 'feedfeedfeedfeed' where root_key_id = $1", [
      row?.["root_key_id"],
    ]);
    const { code, stderr } = await run(["keyring", "check"]);
    await coffer.sql("update kms_key_version set root_key_id = $1", [row?.["root_key_id"]]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        "coffer: the root keyring lacks root keys that this database needs: feedfeedfeedfeed; add their lines to the keyring file\n",
    });
  });

  it("check of a database that holds nothing yet writes nothing", async () => {
    const empty = await createTestDatabase("template0");
    const env = { ...settings, COFFER_DATABASE_URL: empty.url };
    expect(await json(["keyring", "check"], env)).toMatchObject({ deploymentId: null });
    const refused = await run(["workspace", "list"], env);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(/^coffer: this database has no deployment yet[^\n]*\n$/);
    await empty.drop();
  });
});

describe("a command line", () => {
  it.each([["--help"], ["help"], ["serve", "--help"], ["token", "create", "--help"]])(
    "%s %s prints the usage",
    async (...args) => {
      const { code, stdout, stderr } = await run(args.filter((arg) => arg !== undefined));
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toMatch(/^usage: coffer/);
    },
  );

  it.each<[string[], RegExp]>([
    [["fly"], /unknown command "fly"/],
    [["token"], /unknown command "token"/],
    [["token", "fly"], /unknown command "token fly"/],
    [["serve", "more"], /unknown command "serve more"/],
    [["token", "create"], /--role is required/],
    [["token", "create", "--role", "root"], /--role must be member/],
    [["token", "create", "--role"], /--role/],
    [["token", "create", "--role", "viewer", "--expires-in", "1y"], /--expires-in must be/],
    [
      ["token", "create", "--role", "viewer", "--workspace", "w", "--every-workspace"],
      /use either --workspace or --every-workspace/,
    ],
    [["token", "create", "--role", "viewer", "--name", ""], /--name must have/],
    [["token", "create", "--rolle", "viewer"], /--rolle/],
    [["token", "list", "--role", "viewer"], /token list has no option --role/],
    [["token", "list", "more"], /token list takes no more arguments/],
    [["token", "revoke"], /token revoke requires a token's id/],
    [["workspace", "create"], /--name is required/],
  ])("%j is wrong: one line, exit code 2, nothing written", async (args, message) => {
    const before = await coffer.sql("select count(*)::int as count from audit_event");
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^coffer: [^\n]{5,200}\n$/);
    expect(stderr).toMatch(message);
    expect(await coffer.sql("select count(*)::int as count from audit_event")).toEqual(before);
  });

  it.each<[string[], Record<string, string>, RegExp]>([
    [["token", "revoke", "tok_unknown"], {}, /there is no such token/],
    [["token", "list", "--workspace", "ws_unknown"], {}, /the workspace does not exist/],
    [["token", "create", "--role", "viewer", "--workspace", "ws_unknown"], {}, /the workspace does not exist/],
    [["token", "list"], { COFFER_DATABASE_URL: "postgres://coffer:hunter2@127.0.0.1:1/x" }, /database.*ECONNREFUSED/],
    [["token", "list"], { COFFER_ROOT_KEY_FILE: "/nowhere/root.key" }, /there is no such file/],
    [["token", "list"], { COFFER_PORT: "http" }, /COFFER_PORT/],
    [["token", "list"], { COFFER_DATABASE_URL: "", COFFER_DATA_DIR: "/nowhere" }, /\/nowhere has no coffer data yet/],
    [["keyring", "check"], { COFFER_ROOT_KEY_FILE: "/nowhere/root.key" }, /there is no such file/],
  ])("%j that fails %j: one line, exit code 1", async (args, env, message) => {
    const { code, stdout, stderr } = await run(args, { ...settings, ...env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^coffer: [^\n]{5,300}\n$/);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain("hunter2");
  });

  it("that names no scope of coffer's fails before anything is written", async () => {
    const before = await coffer.sql("select count(*)::int as count from principal");
    const workspaceId = await home();
    const args = ["token", "create", "--role", "viewer", "--scope", "secrets.fly", "--workspace", workspaceId];
    expect((await run(args)).stderr).toMatch(/^coffer: scopes\[0\]: must be a permission[^\n]*\n$/);
    expect(await coffer.sql("select count(*)::int as count from principal")).toEqual(before);
  });
});
