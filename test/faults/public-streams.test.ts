// Streams that need no credential: however many are asked for, few are held, and others are served.
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { expect, onTestFinished, test } from "vitest";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { createClients, useCoffer } from "../support/coffer.ts";
import { flags, frame, frameTypes, preface, requestBlock } from "../support/http2-frames.ts";
import { measureP99 } from "../support/latency.ts";
import { useProcesses } from "../support/processes.ts";
import { residentMibMax } from "../support/resident-memory.ts";
import { createSecret, data } from "../support/secrets.ts";

const coffer = useCoffer({ redisUrl: null });
const processes = useProcesses();
const streamsOfConnection = 250;
const emptyMessage = Buffer.alloc(5);

/** So many streams over one connection, whose messages never end. */
function openStreams(url: string, path: string, localAddress: string): Socket {
  const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1", localAddress });
  socket.on("error", () => {});
  socket.resume();
  onTestFinished(() => void socket.destroy());
  const block = requestBlock("POST", path, [
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ]);
  const streams = Array.from({ length: streamsOfConnection }, (_, index) => [
    frame(frameTypes.headers, flags.endHeaders, 1 + 2 * index, block),
    frame(frameTypes.data, 0, 1 + 2 * index, emptyMessage),
  ]);
  socket.write(Buffer.concat([preface, frame(frameTypes.settings, 0, 0), ...streams.flat()]));
  return socket;
}

test.each([
  ["Health/Watch", "/grpc.health.v1.Health/Watch", 1],
  ["reflection", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", 1],
  ["Health/Watch of 80 addresses", "/grpc.health.v1.Health/Watch", 80],
])("20,000 streams of %s hold less than 400 MiB, and others are served", async (_what, path, addresses) => {
  const serving = await processes.serve({ ...processes.settingsOf(coffer), COFFER_LOG_LEVEL: "error" });
  const { id } = await createSecret(coffer, { value: data("a value") });
  const { secrets } = createClients(serving.url, coffer.ownerToken);
  const other = measureP99(() => secrets.getSecretValue({ secret: { case: "id", value: id } }));
  const sockets: Socket[] = [];
  for (let index = 0; index < 20_000 / streamsOfConnection; index++) {
    sockets.push(openStreams(serving.url, path, `127.0.0.${1 + (index % addresses)}`));
    await sleep(50);
  }
  await sleep(500);
  const p99Ms = await other.stop();
  const mibMax = residentMibMax(serving.child.pid);
  console.log(`public streams ${path}: p99 ${p99Ms.toFixed(1)} ms, ${mibMax.toFixed(0)} MiB`);
  expect(mibMax).toBeLessThan(400);
  expect(p99Ms).toBeLessThan(10_000);
  // Once those have gone there is room again.
  for (const socket of sockets) socket.destroy();
  const health = createClient(Health, createGrpcTransport({ baseUrl: serving.url }));
  await expect.poll(() => firstStatus(health), { timeout: 30_000 }).toBe(1);
});

async function firstStatus(health: ReturnType<typeof createClient<typeof Health>>): Promise<number | string> {
  const ended = new AbortController();
  try {
    for await (const { status } of health.watch({}, { signal: ended.signal })) return status;
    return "none";
  } catch (error) {
    return String(error);
  } finally {
    ended.abort();
  }
}
