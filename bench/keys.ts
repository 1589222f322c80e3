// How many uses of keys coffer answers a second: encrypt and decrypt of 1 KiB with 64 requests under way, each with its audit event on disk.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { startEmbeddedPostgres } from "../src/embedded/start-embedded-postgres.ts";
import { findLoadTools } from "./load/tools.ts";
import { runWrk } from "./load/wrk.ts";
import { httpRequest } from "./requests.ts";
import { seed } from "./seed.ts";
import { startServer } from "./support/children.ts";
import { makeRunDir } from "./support/run-dir.ts";

const concurrency = 64;
const seconds = 10;
const limitMax = "9999999";

await using stack = new AsyncDisposableStack();
const tools = await findLoadTools();
const dir = await makeRunDir();
stack.defer(dir.remove);
const postgres = await startEmbeddedPostgres({ dataDir: dir.dataDir });
stack.defer(postgres.stop);
const { rootKeyFile, ownerToken, idsFile, hotId } = await seed(postgres.url, dir.path, 1);
const coffer = await startServer(
  [join(import.meta.dirname, "..", "src", "main.ts"), "serve"],
  {
    ...{ COFFER_PORT: "0", COFFER_DATA_DIR: dir.path, COFFER_DATABASE_URL: postgres.url },
    ...{ COFFER_ROOT_KEY_FILE: rootKeyFile, COFFER_LOG_LEVEL: "error", COFFER_JOBS: "off" },
    ...{ COFFER_RATE_LIMIT_PRINCIPAL: limitMax, COFFER_RATE_LIMIT_WORKSPACE: limitMax },
  },
  /listening on http:\/\/127\.0\.0\.1:(\d+)\n/,
);
stack.defer(coffer.stop);
const port = Number(coffer.match[1]);
const headers = [`authorization: Bearer ${ownerToken}`, "content-type: application/json"];

async function call(method: string, message: object): Promise<Record<string, string> & { key: { id: string } }> {
  const url = `http://127.0.0.1:${port}/coffer.v1.KeyService/${method}`;
  const given = Object.fromEntries(headers.map((header) => header.split(": ") as [string, string]));
  const response = await fetch(url, { method: "POST", headers: given, body: JSON.stringify(message) });
  if (!response.ok) throw new Error(`${method}: ${await response.text()}`);
  return (await response.json()) as Awaited<ReturnType<typeof call>>;
}

async function measure(name: string, method: string, message: object): Promise<void> {
  const path = `/coffer.v1.KeyService/${method}`;
  const source = {
    percent: 100,
    key: "none" as const,
    text: httpRequest("POST", path, headers, JSON.stringify(message)),
  };
  const run = (duration: number) =>
    runWrk(tools.wrk, [source], { port, concurrency, seconds: duration, dir: dir.path, idsFile, hotId });
  await run(2); // Warm up.
  const { requests, seconds: took, p50Ms, p99Ms } = await run(seconds);
  const rate = `${Math.round(requests / took)}/s`.padStart(8);
  console.log(`${name.padEnd(32)} c=${concurrency} ${rate}  p50 ${p50Ms.toFixed(2)} ms  p99 ${p99Ms.toFixed(2)} ms`);
}

const plaintext = randomBytes(1_024).toString("base64");
for (const algorithm of ["aes256-gcm96", "chacha20-poly1305"]) {
  const { id } = (await call("CreateKey", { name: algorithm, algorithm })).key;
  const { ciphertext } = await call("Encrypt", { id, plaintext });
  await measure(`encrypt 1 KiB ${algorithm}`, "Encrypt", { id, plaintext });
  await measure(`decrypt 1 KiB ${algorithm}`, "Decrypt", { id, ciphertext });
}
for (const algorithm of ["ecdsa-p256", "rsa-2048"]) {
  const { id } = (await call("CreateKey", { name: algorithm, algorithm })).key;
  await measure(`sign 1 KiB ${algorithm}`, "Sign", { id, input: plaintext });
}
