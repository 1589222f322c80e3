// The owner's token: its file holds one that works or is not there, also when the commit that makes it true is lost.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createTestDatabase } from "../support/database.ts";
import { until } from "../support/poll.ts";
import { type Cut, startPostgresProxy } from "../support/postgres-proxy.ts";
import { type Serving, useProcesses } from "../support/processes.ts";

const processes = useProcesses();

async function deployment() {
  const { url, drop } = await createTestDatabase();
  onTestFinished(drop);
  const keyFile = join(processes.newDir(), "root.key");
  writeFileSync(keyFile, randomBytes(32).toString("base64"), { mode: 0o600 });
  const dataDir = join(processes.newDir(), "data");
  const env = { COFFER_DATABASE_URL: url, COFFER_ROOT_KEY_FILE: keyFile, COFFER_DATA_DIR: dataDir };
  return { url, env, tokenFile: join(dataDir, "owner-token") };
}

async function statusWith(serving: Serving, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const url = `${serving.url}/coffer.v1.SecretService/ListSecrets`;
  return (await fetch(url, { method: "POST", headers, body: "{}" })).status;
}

it.each<[string, Cut]>([
  ["was done, though the start could not know it", "answer"],
  ["was not done", "request"],
])(
  "a first start whose commit %s leaves no file, and the next start shows where a token is that works",
  async (_what, cut) => {
    const { url, env, tokenFile } = await deployment();
    const proxy = await startPostgresProxy();
    onTestFinished(proxy.close);
    proxy.onCommit(() => cut);
    const { ended } = processes.launch({ ...env, COFFER_DATABASE_URL: proxy.through(url) });
    const { code, stderr, stdout } = await ended;
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^coffer: [^\n]+\n$/) });
    expect(stdout).not.toMatch(/sk_coffer_/);
    expect(existsSync(tokenFile)).toBe(false);
    const serving = await processes.serve(env);
    const token = readFileSync(tokenFile, "utf8").trim();
    expect(existsSync(`${tokenFile}.new`)).toBe(false);
    await until("its file is shown", async () => serving.stdout().includes(tokenFile));
    expect(await statusWith(serving, token)).toBe(200);
    await serving.stop();
  },
);

it("a first start that cannot write the file is one line, and does not use the first start up", async () => {
  const { env, tokenFile } = await deployment();
  const { code, stderr } = await processes.launch({ ...env, COFFER_DATA_DIR: "/sys/kernel/coffer" }).ended;
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^coffer: cannot create [^\n]+\n$/) });
  const serving = await processes.serve(env);
  await until("the token's file is shown", async () => serving.stdout().includes(tokenFile));
  await serving.stop();
});
