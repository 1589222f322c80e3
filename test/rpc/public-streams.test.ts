// Streams that need no credential end by themselves: clients that watch open them again.
import { once } from "node:events";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { connectNodeAdapter, createGrpcTransport } from "@connectrpc/connect-node";
import { expect, onTestFinished, test } from "vitest";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { healthService } from "../../src/rpc/health.ts";
import { createPublicStreams } from "../../src/rpc/public-streams.ts";
import { createReadiness } from "../../src/rpc/readiness.ts";
import { reflectionServices } from "../../src/rpc/reflection.ts";

const lifetimeMs = 300;

async function serve(): Promise<ReturnType<typeof createGrpcTransport>> {
  const readiness = createReadiness(async () => true);
  const routes: Parameters<typeof connectNodeAdapter>[0]["routes"] = (router) => {
    router.service(Health, healthService({ readiness, serviceNames: new Set(), lifetimeMs }));
    router.service(ServerReflection, reflectionServices([Health], lifetimeMs).v1);
  };
  const server = http2.createServer(connectNodeAdapter({ routes }));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return createGrpcTransport({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

test("a watch of health ends in order after its lifetime", async () => {
  const health = createClient(Health, await serve());
  const start = performance.now();
  const seen = [];
  for await (const { status } of health.watch({})) seen.push(status);
  expect(seen).toEqual([1]);
  expect(performance.now() - start).toBeGreaterThan(lifetimeMs - 50);
  expect(performance.now() - start).toBeLessThan(lifetimeMs + 5_000);
});

test("a conversation of reflection ends in order after its lifetime, also when its client says nothing any more", async () => {
  const reflection = createClient(ServerReflection, await serve());
  const over = new AbortController();
  async function* requests() {
    yield { messageRequest: { case: "listServices" as const, value: "" } };
    await sleep(60_000, undefined, { signal: over.signal, ref: false }).catch(() => {});
  }
  const start = performance.now();
  const answers = [];
  for await (const answer of reflection.serverReflectionInfo(requests())) answers.push(answer.messageResponse.case);
  over.abort();
  expect(answers).toEqual(["listServicesResponse"]);
  expect(performance.now() - start).toBeLessThan(lifetimeMs + 5_000);
});

test("an address has at most 100 streams, a network of IPv6 as many, all of them 500, and each that ends makes room", () => {
  const streams = createPublicStreams();
  const limited = expect.objectContaining({ reason: "RATE_LIMITED" });
  const openMany = (count: number, address: string) => Array.from({ length: count }, () => streams.open(address));
  const [close] = openMany(100, "10.0.0.1");
  expect(() => streams.open("10.0.0.1")).toThrow(limited);
  close?.();
  streams.open("10.0.0.1");
  openMany(100, "2001:db8::1");
  expect(() => streams.open("2001:db8::2")).toThrow(limited);
  for (let network = 2; network < 5; network++) openMany(100, `10.0.0.${network}`);
  expect(() => streams.open("10.0.0.99")).toThrow(limited);
});
