// SIGTERM under load, and clients that never finish: what was begun is answered, nothing acknowledged is lost, exit code 0.
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createClients, useCoffer } from "../support/coffer.ts";
import { inParallel, valuesOf } from "../support/parallel.ts";
import { until } from "../support/poll.ts";
import { type PostgresProxy, startPostgresProxy } from "../support/postgres-proxy.ts";
import { useProcesses } from "../support/processes.ts";
import { createSecret } from "../support/secrets.ts";
import { writeEvery } from "../support/write-every.ts";
import { problemsOfKeys, problemsOfValues } from "./checks.ts";
import { createWithKey, readValues, storedKeys, valueFor } from "./scenarios.ts";

const processes = useProcesses();
/** Its database and keyring are what the processes serve. */
const coffer = useCoffer({ redisUrl: null });
let proxy: PostgresProxy;
beforeAll(async () => {
  proxy = await startPostgresProxy();
});
afterAll(() => proxy.close());

const serve = (env: Record<string, string> = {}) =>
  processes.serve({
    ...processes.settingsOf(coffer),
    COFFER_LOG_FORMAT: "json",
    COFFER_RATE_LIMIT_PRINCIPAL: "1000000",
    COFFER_RATE_LIMIT_WORKSPACE: "1000000",
    ...env,
  });

function open(url: string, text: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  socket.write(text);
  return socket;
}

const createPath = "/coffer.v1.SecretService/CreateSecret";
const headersOf = (token: string) =>
  `POST ${createPath} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`;

/** Clients that begin and never finish: silent, headers without an end, bodies without an end, on both protocols. */
function openNeverEnding(url: string, token: string): void {
  const headers = headersOf(token);
  for (let count = 0; count < 20; count++) {
    open(url, "");
    open(url, "P");
    open(url, headers);
    open(url, `${headers}content-length: 1000\r\n\r\n{"name": "`);
    const chunked = open(url, `${headers}transfer-encoding: chunked\r\n\r\n1\r\n{\r\n`);
    onTestFinished(writeEvery(chunked, 50, "1\r\n \r\n"));
  }
  const session = connectHttp2(url);
  session.on("error", () => {});
  onTestFinished(() => session.destroy());
  for (const type of ["application/json", "application/grpc"]) {
    const stream = session.request({
      ":method": "POST",
      ":path": createPath,
      authorization: `Bearer ${token}`,
      "content-type": type,
    });
    stream.on("error", () => {});
    stream.write("{");
  }
}

const waiting = `select 1 from pg_locks join pg_stat_activity using (pid)
  where not granted and datname = current_database()`;

describe("SIGTERM under load", () => {
  it("lets what was begun finish, loses nothing that was acknowledged, and ends with 0", async () => {
    const serving = await serve();
    const { secrets } = createClients(serving.url, coffer.ownerToken);
    let stopping: ReturnType<typeof serving.stop> | undefined;
    let sent = 0;
    const keys = Array.from({ length: 400 }, (_, index) => `term-${index}`);
    const results = await inParallel(keys.length, 32, async (index) => {
      if (stopping) throw new Error("not sent");
      if (++sent === 300) stopping = serving.stop();
      return createWithKey(secrets, keys[index] as string);
    });
    expect(await stopping).toMatchObject({ code: 0, signal: null, stderr: "" });
    const answers = valuesOf(results);
    expect(answers.length).toBeGreaterThan(300 - 32);
    const acknowledged = new Map(answers.map(({ key, id }) => [id, valueFor(key)]));
    // Calls without an answer are retried at another instance.
    const other = coffer.clients().secrets;
    const retried = valuesOf(await inParallel(keys.length, 32, (index) => createWithKey(other, keys[index] as string)));
    expect(problemsOfKeys({ keys, answers: [...answers, ...retried], rows: await storedKeys(coffer) })).toEqual([]);
    expect(problemsOfValues(acknowledged, await readValues(other, [...acknowledged.keys()]))).toEqual([]);
  });

  it("answers a request whose body is still arriving, and a change that waits for another transaction", async () => {
    const serving = await serve();
    const { id } = await createSecret(coffer);
    const holder = new Client(coffer.databaseUrl);
    await holder.connect();
    await holder.query("begin");
    await holder.query("select 1 from secret where secret_id = $1 for update", [id]);
    const { secrets } = createClients(serving.url, coffer.ownerToken);
    const updating = secrets.updateSecret({ secret: { id, description: "changed" } });
    await until("it waits", async () => (await coffer.sql(waiting)).length > 0);

    const body = JSON.stringify({ name: "late", generate: { byteLength: 32 } });
    const headers = `${headersOf(coffer.ownerToken)}content-length: ${body.length}\r\n\r\n`;
    const socket = open(serving.url, headers + body.slice(0, 5));
    const closed = once(socket, "close");
    let answer = "";
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString();
    });
    // Another answered request shows that the first has arrived.
    expect((await fetch(`${serving.url}/healthz`)).status).toBe(200);
    const stopping = serving.stop();
    await until("the port is closed", async () =>
      fetch(`${serving.url}/healthz`).then(
        () => false,
        () => true,
      ),
    );
    socket.write(body.slice(5));
    await holder.query("commit");
    await holder.end();
    expect((await updating).secret?.description).toBe("changed");
    await closed;
    expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*"name":"late"/);
    expect(await stopping).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("clients that never finish their requests", () => {
  it("stop neither the requests of others nor the end", async () => {
    const serving = await serve({ COFFER_SHUTDOWN_GRACE_MS: "500" });
    openNeverEnding(serving.url, coffer.ownerToken);
    const { secrets } = createClients(serving.url, coffer.ownerToken);
    const results = await inParallel(100, 16, (index) => createWithKey(secrets, `beside-${index}`));
    expect(valuesOf(results)).toHaveLength(100);
    const start = performance.now();
    expect(await serving.stop()).toMatchObject({ code: 0, stderr: "" });
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

describe("Postgres that hangs", () => {
  it("does not keep the process from ending", async () => {
    const serving = await serve({
      COFFER_DATABASE_URL: proxy.through(coffer.databaseUrl),
      COFFER_SHUTDOWN_GRACE_MS: "500",
    });
    await createWithKey(createClients(serving.url, coffer.ownerToken).secrets, "before it hangs");
    proxy.freeze();
    expect(await serving.stop()).toMatchObject({ code: 0, stderr: "" });
  });
});
