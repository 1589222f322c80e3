// The cost of swapping: requests through open tunnels of the egress proxy with and without a placeholder, in turn.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, request as openRequest } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { connect as connectTls, type TLSSocket } from "node:tls";
import pg from "pg";
import { startEmbeddedPostgres } from "../src/embedded/start-embedded-postgres.ts";
import { chunksOf, host, seedSandbox, startHost } from "./egress/rig.ts";
import { seed } from "./seed.ts";
import { startServer } from "./support/children.ts";
import { makeRunDir } from "./support/run-dir.ts";
import { forgetPeakRss, peakRssMiBOf } from "./support/usage.ts";

const rounds = 3;
const secondsEach = 4;

/** A connection that requests go over one after the other. */
interface Opened {
  agent: Agent;
  close(): void;
}

interface Measured {
  requestsPerSecond: number;
  p50Ms: number;
}

async function main(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const dir = await makeRunDir();
  stack.defer(dir.remove);
  const postgres = await startEmbeddedPostgres({ dataDir: dir.dataDir });
  stack.defer(postgres.stop);
  const client = new pg.Client(postgres.url);
  await client.connect();
  stack.defer(() => client.end());
  const seeded = await seed(postgres.url, dir.path, 10);
  const { token, placeholder } = await seedSandbox(postgres.url, client, seeded.rootKeyFile, seeded.hotId);
  const upstream = await startHost(dir.path);
  stack.defer(upstream.close);
  const proxy = await startServer(
    [join(import.meta.dirname, "..", "src", "main.ts"), "egress"],
    {
      ...upstream.env,
      COFFER_DATABASE_URL: postgres.url,
      COFFER_ROOT_KEY_FILE: seeded.rootKeyFile,
      COFFER_LOG_LEVEL: "warn",
    },
    /egress listening on http:\/\/127\.0\.0\.1:(\d+)\n/,
  );
  stack.defer(proxy.stop);
  const port = Number(proxy.match[1]);
  const authorization = `Bearer ${token}`;
  const ca = await (await fetch(`http://127.0.0.1:${port}/ca.pem`, { headers: { authorization } })).text();

  const authority = `${host}:${upstream.port}`;
  /** Past the proxy: what the client and the host cost by themselves. */
  async function openDirect(): Promise<Opened> {
    return openOver(connectTls({ port: upstream.port, host: "127.0.0.1", servername: host, ca: upstream.ca }));
  }

  async function openTunnel(): Promise<Opened> {
    const socket = connect(port, "127.0.0.1");
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\nProxy-Authorization: Bearer ${token}\r\n\r\n`);
    await once(socket, "data");
    return openOver(connectTls({ socket, servername: host, ca }));
  }

  /** A body of so many bytes up, and an answer of as many down. */
  async function stream(count: number, headers: Record<string, string>): Promise<void> {
    const { agent, close } = await openTunnel();
    const options = { agent, method: "POST", path: `/bytes/${count}`, headers: { host: authority, ...headers } };
    const request = openRequest(options);
    const answered = once(request, "response");
    await pipeline(Readable.from(chunksOf(count)), request);
    const [response] = await answered;
    let received = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) received += chunk.byteLength;
    close();
    if (received !== count) throw new Error(`${received} bytes came down`);
  }

  async function measure(
    concurrency: number,
    headers: Record<string, string>,
    seconds: number,
    open: () => Promise<Opened> = openTunnel,
  ): Promise<Measured> {
    const timesMs: number[] = [];
    const end = performance.now() + seconds * 1_000;
    const tunnel = async () => {
      const { agent, close } = await open();
      while (performance.now() < end) {
        const startMs = performance.now();
        const request = openRequest({ agent, path: "/v1/things", headers: { host: authority, ...headers } });
        request.end();
        const [response] = await once(request, "response");
        if (response.statusCode !== 200) throw new Error(`answered ${response.statusCode}`);
        response.resume();
        await once(response, "end");
        timesMs.push(performance.now() - startMs);
      }
      close();
    };
    await Promise.all(Array.from({ length: concurrency }, tunnel));
    timesMs.sort((a, b) => a - b);
    return { requestsPerSecond: timesMs.length / seconds, p50Ms: timesMs[timesMs.length >> 1] ?? 0 };
  }

  /** At least so many swapped requests. */
  async function measureCount(count: number): Promise<void> {
    for (let done = 0; done < count; ) done += (await measure(16, swapped, 1)).requestsPerSecond;
  }

  const swapped = { authorization: `Bearer ${placeholder}` };
  const plain = { authorization: "Bearer its-own" };
  await measure(16, swapped, 3);
  await measure(16, plain, 3);
  console.log(
    "| concurrency | swapped/s | p50 ms | unswapped/s | p50 ms | swapped / unswapped | past the proxy p50 ms |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  for (const concurrency of [1, 16]) {
    const runs = { swapped: [] as Measured[], plain: [] as Measured[], direct: [] as Measured[] };
    for (let i = 0; i < rounds; i++) {
      runs.plain.push(await measure(concurrency, plain, secondsEach));
      runs.swapped.push(await measure(concurrency, swapped, secondsEach));
      runs.direct.push(await measure(concurrency, plain, secondsEach, openDirect));
    }
    const [one, other] = [middle(runs.swapped), middle(runs.plain)];
    const ratio = (one.requestsPerSecond / other.requestsPerSecond).toFixed(2);
    const direct = middle(runs.direct).p50Ms.toFixed(2);
    console.log(`| ${concurrency} | ${textOf(one)} | ${textOf(other)} | ${ratio} | ${direct} |`);
  }
  const peaks: string[] = [];
  for (const [what, work] of [
    ["10,000 requests", () => measureCount(10_000)],
    ["10,000 more", () => measureCount(10_000)],
    ["1 GB up and 1 GB down", () => stream(1e9, swapped)],
  ] as const) {
    forgetPeakRss(proxy.pid);
    await work();
    peaks.push(`${what} ${peakRssMiBOf(proxy.pid).toFixed(0)} MiB`);
  }
  const load = readFileSync("/proc/loadavg", "utf8").split(" ")[0];
  console.log(`\nproxy's peak memory over ${peaks.join(", ")}; load of the machine at the end ${load}`);
}

async function openOver(socket: TLSSocket): Promise<Opened> {
  await once(socket, "secureConnect");
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  agent.createConnection = () => socket;
  return { agent, close: () => socket.destroy() };
}

function middle(runs: readonly Measured[]): Measured {
  const sorted = runs.toSorted((a, b) => a.requestsPerSecond - b.requestsPerSecond);
  return sorted[sorted.length >> 1] as Measured;
}

function textOf({ requestsPerSecond, p50Ms }: Measured): string {
  return `${requestsPerSecond.toFixed(0)} | ${p50Ms.toFixed(2)}`;
}

await main();
