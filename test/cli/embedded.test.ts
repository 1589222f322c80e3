// Commands on the zero-install default: beside a coffer that serves, and while none does.
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createClients } from "../support/coffer.ts";
import { useProcesses } from "../support/processes.ts";

const processes = useProcesses();

describe("in a data directory", () => {
  it("commands use the running server, or start one for themselves, and leave none behind", async () => {
    const dataDir = join(processes.newDir(), "data");
    const env = { COFFER_DATA_DIR: dataDir };
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await processes.launch(env, { args: [...args, "--json"] }).ended;
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      return JSON.parse(stdout);
    };

    const serving = await processes.serve(env);
    const { token } = await run("token", "create", "--role", "viewer");
    expect((await createClients(serving.url, token).tokens.whoAmI({})).tokenId).toMatch(/^tok_/);
    // The service goes on as if nobody had been there.
    expect((await fetch(`${serving.url}/readyz`)).status).toBe(200);
    expect(await serving.stop()).toMatchObject({ code: 0, stderr: "" });

    const { apiTokens } = await run("token", "list");
    expect(apiTokens).toHaveLength(2);
    expect(await run("keyring", "check")).toMatchObject({ opens: true });
    expect(existsSync(join(dataDir, "postgres", "postmaster.pid"))).toBe(false);

    const again = await processes.serve(env);
    expect((await createClients(again.url, token).tokens.whoAmI({})).tokenId).toMatch(/^tok_/);
    await again.stop();

    renameSync(join(dataDir, "root.key"), join(dataDir, "root.key.away"));
    const { code, stdout, stderr } = await processes.launch(env, { args: ["keyring", "init"] }).ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^coffer: the data in .* is sealed under a keyring that is missing[^\n]*\n$/);
    expect(existsSync(join(dataDir, "root.key"))).toBe(false);
  });

  it("that is not there, or empty, commands make nothing", async () => {
    const dir = processes.newDir();
    mkdirSync(join(dir, "empty"));
    for (const name of ["absent", "empty"]) {
      const dataDir = join(dir, name);
      const env = { COFFER_DATA_DIR: dataDir, COFFER_ROOT_KEY_FILE: join(dir, "root.key") };
      await processes.launch(env, { args: ["keyring", "init"] }).ended;
      const { code, stderr } = await processes.launch(env, { args: ["token", "list"] }).ended;
      expect(code).toBe(1);
      expect(stderr).toBe(`coffer: ${dataDir} has no coffer data yet; start \`coffer serve\` once to make it\n`);
      expect(existsSync(join(dataDir, "postgres"))).toBe(false);
    }
  });
});
