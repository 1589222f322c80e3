// Broken HTTP/1.1 and HTTP/2 on both ports of real processes: neither ends, and both go on serving.
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { expect, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import {
  basicAuth,
  bearerFor,
  bindSecret,
  caOf,
  connectTunnel,
  makeSandbox,
  type TestEgress,
  useEgress,
} from "../support/egress.ts";
import { type FuzzOptions, fuzz } from "../support/fuzz.ts";
import { http1Bytes } from "../support/fuzz-http1.ts";
import { http2Bytes } from "../support/fuzz-http2.ts";
import { flags, frame, frameTypes, preface, requestBlock, uint32 } from "../support/http2-frames.ts";
import { type Serving, useProcesses } from "../support/processes.ts";

const host = "api.upstream.test";
const blindHost = "blind.upstream.test";
const coffer = useCoffer({ redisUrl: null });
const processes = useProcesses();
const egress = useEgress(coffer, { hosts: [host, blindHost] });

const fuzzMs = 60_000;
const paths = [
  "/",
  "/healthz",
  "/v1/secrets",
  "/v1/secrets?limit=1",
  "/coffer.v1.SecretService/ListSecrets",
  "/coffer.v1.SecretService/GetSecret?connect=v1&encoding=json&message=%7B%7D",
  "/grpc.health.v1.Health/Watch",
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "/v1/%ff",
  "*",
  "http://localhost/",
];

/** Alive, and saying nothing of errors that nobody foresaw. */
async function expectSound(serving: Serving, url: string): Promise<void> {
  expect(serving.child.exitCode).toBeNull();
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect(
    serving
      .stdout()
      .match(/^\S+ error .*$/gm)
      ?.slice(0, 3) ?? [],
  ).toEqual([]);
}

test.each<[string, Buffer]>([
  ["RST_STREAM", frame(frameTypes.rstStream, 0, 1, uint32(8))],
  ["GOAWAY", frame(frameTypes.goaway, 0, 0, Buffer.alloc(8))],
  ["DATA with bad padding", frame(frameTypes.data, flags.padded, 1, Buffer.from([9]))],
  ["a WINDOW_UPDATE of 0", frame(frameTypes.windowUpdate, 0, 1, uint32(0))],
  ["a PING that is too short", frame(frameTypes.ping, 0, 0, Buffer.alloc(3))],
])(
  "a stream that waits for 100 Continue and ends in the same packet with %s ends nothing else",
  async (_what, last) => {
    const serving = await processes.serve({ ...processes.settingsOf(coffer) });
    const block = requestBlock("POST", "/", [["expect", "100-continue"]]);
    const opening = [preface, frame(frameTypes.settings, 0, 0), frame(frameTypes.headers, flags.endHeaders, 1, block)];
    const socket = connect(Number(new URL(serving.url).port), "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write(Buffer.concat([...opening, last]));
    await sleep(200);
    socket.destroy();
    await expectSound(serving, serving.url);
  },
);

test("a minute of broken frames ends neither the API nor the proxy", { timeout: fuzzMs * 2 }, async () => {
  const env = { ...egress.env, ...processes.settingsOf(coffer), COFFER_RATE_LIMIT_UNAUTHENTICATED: "10000000" };
  const api = await processes.serve(env);
  const proxy = await serveProxy(env);
  const seed = Number(process.env["COFFER_TEST_SEED"] ?? Date.now() % 2 ** 31);
  console.log(`broken frames: COFFER_TEST_SEED=${seed}`);
  const made = await Promise.all(
    [...apiFuzzers(api), ...(await proxyFuzzers(proxy.egress))].map((options, index) =>
      fuzz({ seed: seed + 1_000 * index, durationMs: fuzzMs, connections: 4, ...options }),
    ),
  );
  expect(Math.min(...made)).toBeGreaterThan(20);
  await expectSound(api, api.url);
  await expectSound(proxy.serving, proxy.egress.url);
});

type Fuzzer = Pick<FuzzOptions, "port" | "make" | "open">;

function apiFuzzers({ url }: Serving): Fuzzer[] {
  const port = Number(new URL(url).port);
  const authorization = `Bearer ${coffer.ownerToken}`;
  const lines = [`Authorization: ${authorization}`, "Content-Type: application/json"];
  const headers = [
    ["authorization", authorization],
    ["content-type", "application/grpc"],
  ] as const;
  return [
    { port, make: (random) => http1Bytes(random, { targets: paths, lines }) },
    { port, make: (random) => http2Bytes(random, { paths, headers }) },
    { port, make: (random) => http2Bytes(random, { paths, headers: [["content-type", "application/json"]] }) },
  ];
}

async function proxyFuzzers(proxy: TestEgress): Promise<Fuzzer[]> {
  const sandbox = await makeSandbox(coffer);
  const { placeholder } = await bindSecret(coffer, sandbox, "a-value", bearerFor(host));
  await coffer.sql("update workspace set egress_unmatched = 'ALLOW'");
  const { port, upstreamPort } = proxy;
  const ca = await caOf(proxy, sandbox);
  const targets = [
    `${host}:${upstreamPort}`,
    `${blindHost}:${upstreamPort}`,
    `http://${host}:${upstreamPort}/`,
    "/ca.pem",
    "/healthz",
    "*",
    "x:0",
  ];
  const lines = [`Proxy-Authorization: ${basicAuth(sandbox.token)}`];
  const inside = {
    targets: ["/", "/a?b", "*"],
    lines: [`Authorization: Bearer ${placeholder}`, `Host: ${host}:${upstreamPort}`],
  };
  return [
    { port, make: (random) => http1Bytes(random, { targets, lines }) },
    {
      port,
      make: (random) => http1Bytes(random, inside),
      open: async (random) => (await connectTunnel(proxy, sandbox.token, random.oneOf(targets.slice(0, 2)))).socket,
    },
    {
      port,
      make: (random) => http1Bytes(random, inside),
      async open() {
        const { socket } = await connectTunnel(proxy, sandbox.token, `${host}:${upstreamPort}`);
        const secured = connectTls({ socket, servername: host, ca });
        secured.on("error", () => {});
        await once(secured, "secureConnect").catch(() => {});
        return secured;
      },
    },
  ];
}

async function serveProxy(env: Record<string, string>): Promise<{ serving: Serving; egress: TestEgress }> {
  const launched = processes.launch(env, { args: ["egress"] });
  const pattern = /^coffer egress listening on (http\S+)$/m;
  while (!pattern.test(launched.stdout())) {
    if (launched.child.exitCode !== null) throw new Error((await launched.ended).stderr);
    await sleep(20);
  }
  const [, url = ""] = pattern.exec(launched.stdout()) ?? [];
  return { serving: { ...launched, url }, egress: { ...egress, url, port: Number(new URL(url).port) } };
}
