// The zero-install default as a process: the first start shows how to begin, later ones find everything again.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { endLeftovers } from "../../src/embedded/leftovers.ts";
import { isRoot, nobody } from "../embedded/harness.ts";
import { until } from "../support/poll.ts";
import { type Serving, useProcesses } from "../support/processes.ts";
import { byId, byName, data, present } from "../support/secrets.ts";

const processes = useProcesses();
const run = promisify(execFile);
const tokenPattern = /sk_coffer_[0-9A-Za-z_]+/g;
let dataDir = "";
beforeAll(() => {
  dataDir = join(processes.newDir(), "data");
});

const tokenFile = () => readFileSync(join(dataDir, "owner-token"), "utf8");
const modeOf = (path: string) => statSync(path).mode & 0o777;
const filesBelow = (dir: string) =>
  readdirSync(dir, { recursive: true, withFileTypes: true, encoding: "utf8" })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** The workers of a primary. */
function childrenOf(pid: number): number[] {
  const lines = readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name));
  return lines.map(Number).filter((candidate) => {
    try {
      const isChild = new RegExp(`^PPid:\\s+${pid}$`, "m").test(readFileSync(`/proc/${candidate}/status`, "utf8"));
      return isChild && readFileSync(`/proc/${candidate}/cmdline`, "utf8").includes("main.ts");
    } catch {
      return false;
    }
  });
}

/** The curl command as it is printed, over several lines. */
function printedCurl(stdout: string): string {
  const lines = stdout.split("\n");
  const first = lines.findIndex((line) => line.trim().startsWith("curl "));
  const last = lines.findIndex((line, index) => index >= first && !line.endsWith("\\"));
  return lines.slice(first, last + 1).join("\n");
}

async function readsBack(serving: Serving, id: string, text: string): Promise<void> {
  const { secrets } = processes.ownerClients(serving, dataDir);
  const { value } = await secrets.getSecretValue(byId(id));
  expect(value).toEqual(expect.objectContaining({ case: "data", value: new TextEncoder().encode(text) }));
}

// Each goes on where the one before has ended.
describe("coffer in one data directory", () => {
  let id = "";

  it("prints on its first start where it listens, where the token is and a curl that creates a secret when pasted", async () => {
    const serving = await processes.serve({ COFFER_DATA_DIR: dataDir });
    expect(serving.stdout()).toMatch(/^coffer listening on http:\/\/127\.0\.0\.1:\d+$/m);
    await until("all of it is printed", async () => serving.stdout().includes("generate"));
    // The output is not a terminal: files and logs must not keep the token.
    expect(serving.stdout()).not.toMatch(tokenPattern);
    expect(serving.stdout()).toContain(join(dataDir, "owner-token"));
    expect(modeOf(join(dataDir, "owner-token"))).toBe(0o600);
    expect(modeOf(join(dataDir, "root.key"))).toBe(0o600);
    expect(modeOf(dataDir)).toBe(0o700);

    const { stdout } = await run("bash", ["-c", printedCurl(serving.stdout())]);
    expect(JSON.parse(stdout)).toMatchObject({ secret: { name: "first/secret", versionCount: 1 } });
    const { secrets } = processes.ownerClients(serving, dataDir);
    const { value } = await secrets.getSecretValue(byName("first/secret"));
    expect(value.case === "data" && value.value).toHaveLength(32);

    const created = await secrets.createSecret({ name: "kept", value: data("as it was") });
    ({ id } = present(created.secret));
    expect(await serving.stop()).toMatchObject({ code: 0, signal: null, stderr: "" });
  });

  it("prints no token on a second start, keeps the first one valid, and has every secret", async () => {
    const before = tokenFile();
    const serving = await processes.serve({ COFFER_DATA_DIR: dataDir });
    expect(serving.stdout()).not.toMatch(tokenPattern);
    expect(serving.stdout()).not.toContain("curl");
    expect(tokenFile()).toBe(before);
    await readsBack(serving, id, "as it was");
    expect(await serving.stop()).toMatchObject({ code: 0, stderr: "" });
  });

  it("recovers by itself after kill -9 of coffer and all of its Postgres", async () => {
    const first = await processes.serve({ COFFER_DATA_DIR: dataDir });
    const postmaster = Number(readFileSync(join(dataDir, "postgres", "postmaster.pid"), "utf8").split("\n")[0]);
    process.kill(postmaster, "SIGKILL");
    expect(await first.kill()).toMatchObject({ signal: "SIGKILL" });
    const serving = await processes.serve({ COFFER_DATA_DIR: dataDir });
    await readsBack(serving, id, "as it was");
    expect(await serving.stop()).toMatchObject({ code: 0, stderr: "" });
  });

  it("refuses to start when its keyring is gone, in one line, and makes no new one", async () => {
    const keyFile = join(dataDir, "root.key");
    renameSync(keyFile, `${keyFile}.away`);
    const { code, stdout, stderr } = await processes.launch({ COFFER_DATA_DIR: dataDir }).ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe(
      `coffer: the root keyring ${keyFile} is missing; restore it, because without it the secrets in this database are lost\n`,
    );
    expect(filesBelow(dataDir)).not.toContain(keyFile);
    await endLeftovers(join(dataDir, "postgres"));
    renameSync(`${keyFile}.away`, keyFile);
    const serving = await processes.serve({ COFFER_DATA_DIR: dataDir });
    await readsBack(serving, id, "as it was");
    await serving.stop();
  });
});

describe("on a terminal", () => {
  it("a first start prints the token and a curl that creates a secret when pasted", async () => {
    const own = join(processes.newDir(), "data");
    const command = `exec ${process.execPath} ${join(import.meta.dirname, "..", "..", "src", "main.ts")} serve`;
    const { PATH = "" } = process.env;
    const env = { PATH, COFFER_PORT: "0", COFFER_VALIDATION: "off", COFFER_DATA_DIR: own };
    const child = spawn("script", ["-qefc", command, "/dev/null"], { env, stdio: ["pipe", "pipe", "inherit"] });
    onTestFinished(() => endLeftovers(join(own, "postgres")).then(() => {}));
    let shown = "";
    child.stdout.on("data", (chunk: Buffer) => {
      shown += chunk.toString().replaceAll("\r\n", "\n");
    });
    await until("all of it is printed", async () => shown.includes("generate"));
    const token = readFileSync(join(own, "owner-token"), "utf8").trim();
    expect([...new Set(shown.match(tokenPattern))]).toEqual([token]);
    const { stdout } = await run("bash", ["-c", printedCurl(shown)]);
    expect(JSON.parse(stdout)).toMatchObject({ secret: { name: "first/secret", versionCount: 1 } });
    const ended = once(child, "exit");
    child.stdin.write("\u0003");
    expect(await ended).toEqual([0, null]);
  });
});

describe("SIGUSR1", () => {
  it.each([{}, { COFFER_WORKERS: "2" }])("opens no debugger, with %j", async (more) => {
    const serving = await processes.serve({ COFFER_DATA_DIR: join(processes.newDir(), "data"), ...more });
    const pids = [serving.child.pid as number, ...childrenOf(serving.child.pid as number)];
    for (const pid of pids) process.kill(pid, "SIGUSR1");
    await sleep(500);
    expect((await fetch(`${serving.url}/readyz`)).status).toBe(200);
    expect(await serving.stop()).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("with a log in JSON", () => {
  it("a first start says where it listens and where the token is, and the token stands in no output", async () => {
    const own = join(processes.newDir(), "data");
    const serving = await processes.serve({
      COFFER_DATA_DIR: own,
      COFFER_LOG_FORMAT: "json",
      COFFER_LOG_LEVEL: "debug",
    });
    const { secrets } = processes.ownerClients(serving, own);
    await secrets.createSecret({ name: "x", value: data("y") });
    const { code, stdout, stderr } = await serving.stop();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const records = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records).toContainEqual(expect.objectContaining({ msg: "listening", url: serving.url }));
    expect(records).toContainEqual(
      expect.objectContaining({ msg: "first start", ownerTokenFile: join(own, "owner-token") }),
    );
    const token = readFileSync(join(own, "owner-token"), "utf8").trim();
    expect(stdout).not.toContain(token.slice("sk_coffer_".length + 11));
  });
});

describe.runIf(isRoot)("below a home that is closed to others", () => {
  it.each([
    ["root's", { uid: 0, gid: 0 }],
    ["an ordinary user's", nobody],
  ])("%s own coffer serves and leaves the home closed", async (_whose, user) => {
    const home = join(processes.newDir(), "home");
    mkdirSync(home, { mode: 0o700 });
    for (const dir of [home, join(home, "..")]) chownSync(dir, user.uid, user.gid);
    // The parents are of the test's own making; only the home is closed.
    await run("chmod", ["a+x", join(home, ".."), join(home, "..", "..")]);
    const options = { cwd: "/", ...(user === nobody ? { runAs: nobody } : {}) };
    const serving = await processes.serve({ COFFER_DATA_DIR: join(home, "coffer") }, options);
    const response = await fetch(`${serving.url}/readyz`);
    expect(response.status).toBe(200);
    expect(statSync(join(home, "coffer", "owner-token")).uid).toBe(user.uid);
    expect(modeOf(home)).toBe(0o700);
    expect(await serving.stop()).toMatchObject({ code: 0, stderr: "" });
  });
});
