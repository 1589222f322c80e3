// A rolling restart behind a load balancer, and the words with which a server stops: no call fails that heeds them.
import { once } from "node:events";
import * as http from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Client } from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { SecretService } from "../../gen/coffer/v1/secret_service_pb.ts";
import { startBalancer } from "../support/balancer.ts";
import { createClients, useCoffer } from "../support/coffer.ts";
import { errorOf } from "../support/errors.ts";
import { flags, frame, frameTypes, preface, requestBlock } from "../support/http2-frames.ts";
import { until } from "../support/poll.ts";
import { useProcesses } from "../support/processes.ts";
import { createSecret } from "../support/secrets.ts";
import { transportFor } from "../support/transports.ts";

const processes = useProcesses();
const coffer = useCoffer({ redisUrl: null });
const leadMs = 1_000;

const serve = (env: Record<string, string> = {}) =>
  processes.serve({
    ...processes.settingsOf(coffer),
    COFFER_RATE_LIMIT_PRINCIPAL: "1000000",
    COFFER_RATE_LIMIT_WORKSPACE: "1000000",
    COFFER_SHUTDOWN_LEAD_MS: String(leadMs),
    COFFER_LOG_LEVEL: "error",
    ...env,
  });

describe("a rolling restart of two servers", () => {
  const callsMin = 20_000;

  test("fails none of 20,000 calls over kept HTTP/1.1 connections and gRPC", { timeout: 180_000 }, async () => {
    const { id } = await createSecret(coffer);
    const balancer = await startBalancer();
    onTestFinished(() => balancer.close());
    let servings = [await serve(), await serve()];
    for (const { url } of servings) balancer.servers.add(url);
    await until(
      "both are ready",
      async () => (await fetch(`${balancer.url}/readyz`).catch(() => null))?.status === 200,
    );
    let calls = 0;
    let isOver = false;
    const failures: unknown[] = [];
    const repeat = async (call: () => Promise<unknown>) => {
      while (!isOver || calls < callsMin) {
        calls++;
        await call().catch((error: unknown) => failures.push(error));
      }
    };
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    onTestFinished(() => agent.destroy());
    const overHttp1 = () => readOverHttp1(balancer.url, agent, id);
    const grpc = () =>
      createClient(SecretService, createGrpcTransport({ baseUrl: balancer.url, interceptors: [authorize] }));
    const grpcClients = Array.from({ length: 4 }, grpc);
    const overGrpc = grpcClients.map((client) => () => client.getSecretValue({ secret: { case: "id", value: id } }));
    const load = [...Array.from({ length: 8 }, () => overHttp1), ...overGrpc, ...overGrpc].map(repeat);
    for (const old of servings) {
      await sleep(1_000);
      const next = await serve();
      balancer.servers.add(next.url);
      expect(await old.stop()).toMatchObject({ code: 0, stderr: "" });
      balancer.servers.delete(old.url);
      servings = [...servings.filter((each) => each !== old), next];
    }
    await sleep(500);
    isOver = true;
    await Promise.all(load);
    console.log(`rolling restart: ${failures.length} of ${calls} calls failed`);
    expect(failures.map(String)).toEqual([]);
    expect(calls).toBeGreaterThanOrEqual(callsMin);
  });

  const authorize: NonNullable<Parameters<typeof createGrpcTransport>[0]["interceptors"]>[number] = (next) => (req) => {
    req.header.set("authorization", `Bearer ${coffer.ownerToken}`);
    return next(req);
  };
});

async function readOverHttp1(url: string, agent: http.Agent, id: string): Promise<void> {
  const headers = { authorization: `Bearer ${coffer.ownerToken}`, "content-type": "application/json" };
  const request = http.request(`${url}/coffer.v1.SecretService/GetSecretValue`, { method: "POST", agent, headers });
  request.end(JSON.stringify({ id }));
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  response.resume();
  await once(response, "end");
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
}

describe("a server that is told to stop", () => {
  test("is not ready at once, serves on with `connection: close` for the lead time, and then closes", async () => {
    const serving = await serve();
    const start = performance.now();
    const stopping = serving.stop();
    await until("it is not ready", async () => (await fetch(`${serving.url}/readyz`)).status === 503);
    expect(performance.now() - start).toBeLessThan(leadMs / 2);
    const { secrets } = createClients(serving.url, coffer.ownerToken);
    expect((await secrets.listSecrets({})).secrets).toBeDefined();
    const agent = new http.Agent({ keepAlive: true });
    const request = http.get(`${serving.url}/healthz`, { agent });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    response.resume();
    expect([response.statusCode, response.headers.connection]).toEqual([200, "close"]);
    expect(await stopping).toMatchObject({ code: 0, stderr: "" });
    expect(performance.now() - start).toBeGreaterThan(leadMs);
    expect(performance.now() - start).toBeLessThan(leadMs + 2_000);
  });

  test("says GOAWAY twice over HTTP/2: first that every stream is still served, later which one is the last", async () => {
    // This client answers no pings.
    const serving = await serve({ COFFER_SHUTDOWN_LEAD_MS: "4000" });
    const socket = connect(Number(new URL(serving.url).port), "127.0.0.1");
    const lastStreams = goawaysOf(socket);
    const headers = (id: number) =>
      frame(frameTypes.headers, flags.endHeaders | flags.endStream, id, requestBlock("GET", "/healthz"));
    // A stream without an end keeps the connection open.
    const endless = frame(
      frameTypes.headers,
      flags.endHeaders,
      1,
      requestBlock("POST", "/v1/secrets", [["authorization", `Bearer ${coffer.ownerToken}`]]),
    );
    socket.write(Buffer.concat([preface, frame(frameTypes.settings, 0, 0), endless]));
    await sleep(200);
    const stopping = serving.stop();
    await until("the first GOAWAY", async () => lastStreams().length === 1);
    expect(lastStreams()).toEqual([2 ** 31 - 1]);
    // A stream that crosses the first GOAWAY is served.
    socket.write(headers(3));
    await until("the second GOAWAY", async () => lastStreams().length === 2);
    expect(lastStreams()).toEqual([2 ** 31 - 1, 3]);
    socket.destroy();
    expect(await stopping).toMatchObject({ code: 0, stderr: "" });
  });

  test("answers what the grace cuts off with SHUTTING_DOWN, in every protocol", async () => {
    const serving = await serve({ COFFER_SHUTDOWN_LEAD_MS: "0", COFFER_SHUTDOWN_GRACE_MS: "700" });
    const { id } = await createSecret(coffer);
    const holder = new Client(coffer.databaseUrl);
    await holder.connect();
    onTestFinished(() => holder.end());
    await holder.query("begin");
    await holder.query("select 1 from secret where secret_id = $1 for update", [id]);
    const protocols = ["Connect in JSON", "Connect over h2c", "gRPC", "gRPC-Web"];
    const calls = protocols.map((protocol) =>
      errorOf(
        createClient(SecretService, transportFor(protocol, serving.url, coffer.ownerToken)).updateSecret({
          secret: { id, description: "changed" },
        }),
      ),
    );
    const [{ workspace_id: workspaceId } = {}] = await coffer.sql("select workspace_id from workspace");
    const rest = fetch(`${serving.url}/v1/secrets/${id}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${coffer.ownerToken}`, "akua-context": String(workspaceId), "if-match": '"1"' },
    });
    await sleep(400);
    const stopping = serving.stop();
    for (const error of await Promise.all(calls)) {
      expect(error).toMatchObject({ code: "Unavailable", reason: "SHUTTING_DOWN" });
    }
    const answer = await rest;
    expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining("7504")]);
    expect((await stopping).signal).toBeNull();
  });

  test.each(["SIGHUP", "SIGQUIT"] as const)("by %s, even twice, takes its PostgreSQL along", async (signal) => {
    const dataDir = processes.newDir();
    const serving = await processes.serve({ COFFER_DATA_DIR: dataDir });
    serving.child.kill(signal);
    serving.child.kill(signal);
    expect(await serving.ended).toMatchObject({ code: 0, signal: null });
    const again = await processes.serve({ COFFER_DATA_DIR: dataDir, COFFER_LOG_LEVEL: "debug" });
    expect(again.stdout()).not.toContain("was not properly shut down");
    await again.stop();
  });
});

/** The last streams of the GOAWAY frames so far. */
function goawaysOf(socket: Socket): () => number[] {
  let received = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  return () => {
    const lastStreams: number[] = [];
    for (let at = 0; at + 9 <= received.byteLength; at += 9 + received.readUIntBE(at, 3)) {
      if (received[at + 3] === frameTypes.goaway && at + 13 <= received.byteLength) {
        lastStreams.push(received.readUInt32BE(at + 9));
      }
    }
    return lastStreams;
  };
}
