// Several processes behind one port: limits, revocations and states count for all of them together.
import { readFileSync } from "node:fs";
import * as http from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Role } from "../../gen/coffer/v1/token_service_pb.ts";
import { createClients, useCoffer } from "../support/coffer.ts";
import { until } from "../support/poll.ts";
import { type Serving, useProcesses } from "../support/processes.ts";
import { byId, data, present } from "../support/secrets.ts";

const processes = useProcesses();
/** Its database and keyring are what most of the processes serve. */
const coffer = useCoffer({ redisUrl: null });
const plenty = "1000000";

const withWorkers = {
  COFFER_WORKERS: "2",
  COFFER_LOG_FORMAT: "json",
  COFFER_RATE_LIMIT_PRINCIPAL: plenty,
  COFFER_RATE_LIMIT_WORKSPACE: plenty,
};

async function serveWithWorkers(env: Record<string, string> = {}) {
  const serving = await processes.serve({ ...withWorkers, ...processes.settingsOf(coffer), ...env });
  return { serving, token: coffer.ownerToken, ...createClients(serving.url, coffer.ownerToken) };
}

/** With a database of its own, which the primary starts. */
async function serveEmbedded() {
  const dataDir = join(processes.newDir(), "data");
  const serving = await processes.serve({ ...withWorkers, COFFER_DATA_DIR: dataDir });
  return { serving, token: readFileSync(join(dataDir, "owner-token"), "utf8").trim() };
}

/** The status, over a connection of its own; connections go to the workers in turn. */
function post(url: string, token: string, rpc: string, message: object, agent?: http.Agent): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const options = { method: "POST", headers, agent: agent ?? (false as const), timeout: 5_000 };
  const request = http.request(`${url}/coffer.v1.${rpc}`, options, (response) => {
    response.resume().on("end", () => resolve(response.statusCode ?? 0));
  });
  request.on("timeout", () => request.destroy(new Error("no answer")));
  request.on("error", reject).end(JSON.stringify(message));
  return promise;
}

function workersOf(serving: Serving): Set<number> {
  const lines = serving.stdout().trim().split("\n");
  return new Set(lines.flatMap((line) => (JSON.parse(line) as { worker?: number }).worker ?? []));
}

/** Makes enough calls to reach every worker more than once. */
const everyWorker = (call: () => Promise<number>) => Promise.all(Array.from({ length: 8 }, call));

/** Their pids, once both have answered and said so. */
async function bothWorkers(serving: Serving, call: () => Promise<number>): Promise<number[]> {
  await until("both have answered", async () => {
    expect(new Set(await everyWorker(call))).toEqual(new Set([200]));
    return workersOf(serving).size === 2;
  });
  return [...workersOf(serving)];
}

describe("two workers", () => {
  it("replace one whose event loop has stopped", async () => {
    const { serving, token } = await serveWithWorkers();
    const whoAmI = () => post(serving.url, token, "TokenService/WhoAmI", {});
    const [victim] = await bothWorkers(serving, whoAmI);
    process.kill(victim as number, "SIGSTOP");
    await until(
      "another one serves in its place",
      async () => {
        await Promise.allSettled([whoAmI(), whoAmI()]);
        return workersOf(serving).size === 3;
      },
      40_000,
    );
    expect(serving.stdout()).toContain("a worker does not answer; it is ended and replaced");
    expect(new Set(await everyWorker(whoAmI))).toEqual(new Set([200]));
  });

  it("serve one port; the first start's token is shown once; one that is killed is replaced", async () => {
    const { serving, token } = await serveEmbedded();
    const whoAmI = () => post(serving.url, token, "TokenService/WhoAmI", {});
    const before = await bothWorkers(serving, whoAmI);
    const [victim] = before;
    process.kill(victim as number, "SIGKILL");
    await until("another one serves in its place", async () => {
      await Promise.allSettled([whoAmI(), whoAmI()]);
      return [...workersOf(serving)].length === 3;
    });
    expect(new Set(await everyWorker(whoAmI))).toEqual(new Set([200]));
    expect(serving.stdout().match(/"msg":"first start"/g)).toHaveLength(1);
    expect(serving.stdout().match(/"msg":"listening"/g)).toHaveLength(1);
    expect(await serving.stop()).toMatchObject({ code: 0, stderr: "" });
  });

  it("together grant a principal no more than its limit", async () => {
    const limit = 30;
    const { serving, token } = await serveWithWorkers({ COFFER_RATE_LIMIT_PRINCIPAL: String(limit) });
    // One second of the limit begins with the first call, and may end while the others run.
    const statuses = await Promise.all(
      Array.from({ length: 4 * limit }, () => post(serving.url, token, "TokenService/WhoAmI", {})),
    );
    await until("both have answered", async () => workersOf(serving).size === 2);
    const granted = statuses.filter((status) => status === 200).length;
    expect(granted).toBeGreaterThanOrEqual(limit - 6);
    expect(granted).toBeLessThanOrEqual(2 * limit);
    expect(statuses.filter((status) => status === 429)).toHaveLength(4 * limit - granted);
  });

  it("together count the failures of an address", async () => {
    const { serving } = await serveWithWorkers({ COFFER_RATE_LIMIT_UNAUTHENTICATED: "10" });
    const statuses: number[] = [];
    for (let i = 0; i < 20; i++) statuses.push(await post(serving.url, "guess", "TokenService/WhoAmI", {}));
    expect(statuses).toEqual([...Array(10).fill(401), ...Array(10).fill(429)]);
  });

  it("count for themselves while their primary hangs, and answer", async () => {
    const { serving, token } = await serveWithWorkers({ COFFER_RATE_LIMIT_PRINCIPAL: "5" });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const whoAmI = () => post(serving.url, token, "TokenService/WhoAmI", {}, agent);
    expect(await whoAmI()).toBe(200);
    serving.child.kill("SIGSTOP");
    try {
      // Past the second of the points that were granted before.
      await sleep(1_100);
      const statuses = [];
      for (let i = 0; i < 8; i++) statuses.push(await whoAmI());
      expect(statuses.slice(0, 4)).toEqual([200, 200, 200, 200]);
      expect(new Set(statuses)).toEqual(new Set([200, 429]));
    } finally {
      serving.child.kill("SIGCONT");
      agent.destroy();
    }
  });

  it("each refuse a disabled version, a deleted secret with the very next call, and a revoked token within 5 s, under load", async () => {
    const { serving, secrets, tokens } = await serveWithWorkers();
    const { apiToken, token: text } = await tokens.createToken({ displayName: "reader", role: Role.OPERATOR });
    const made = await secrets.createSecret({ name: "watched", value: data("value") });
    const { id } = present(made.secret);
    const read = () => post(serving.url, text, "SecretService/GetSecretValue", { id, version: "1" });
    let loaded = true;
    const load = Array.from({ length: 8 }, async () => {
      while (loaded) await read();
    });
    expect(new Set(await everyWorker(read))).toEqual(new Set([200]));
    await secrets.disableSecretVersion({ ...byId(id), version: "1" });
    expect(new Set(await everyWorker(read))).toEqual(new Set([400]));
    await secrets.enableSecretVersion({ ...byId(id), version: "1" });
    expect(new Set(await everyWorker(read))).toEqual(new Set([200]));
    await secrets.deleteSecret(byId(id));
    expect(new Set(await everyWorker(read))).toEqual(new Set([404]));
    await tokens.revokeToken({ id: present(apiToken).id });
    await until("every worker refuses it", async () => (await everyWorker(read)).every((s) => s === 401), 5_000);
    loaded = false;
    await Promise.all(load);
  });
});

describe("ends", () => {
  it("with its primary, however that ends", async () => {
    const { serving, token } = await serveEmbedded();
    const workers = await bothWorkers(serving, () => post(serving.url, token, "TokenService/WhoAmI", {}));
    await serving.kill();
    await until("the workers are gone", async () => !workers.some(isRunning));
    expect(workers.filter(isRunning)).toEqual([]);
  });

  it("with one line when a worker cannot start", async () => {
    const blocker = http.createServer();
    const { promise, resolve } = Promise.withResolvers<void>();
    blocker.listen(0, "127.0.0.1", () => resolve());
    await promise;
    const { port } = blocker.address() as { port: number };
    const launched = processes.launch({
      COFFER_DATA_DIR: join(processes.newDir(), "data"),
      COFFER_WORKERS: "2",
      COFFER_PORT: String(port),
    });
    const { code, stderr } = await launched.ended;
    blocker.close();
    expect({ code, lines: stderr.trim().split("\n") }).toEqual({
      code: 1,
      lines: [expect.stringContaining(`cannot listen on 127.0.0.1:${port}`)],
    });
  });

  it.each(["0", "65", "two"])("at once for COFFER_WORKERS=%s", async (workers) => {
    const { ended } = processes.launch({ COFFER_DATA_DIR: processes.newDir(), COFFER_WORKERS: workers });
    expect(await ended).toMatchObject({ code: 1, stderr: expect.stringContaining("COFFER_WORKERS must be") });
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
