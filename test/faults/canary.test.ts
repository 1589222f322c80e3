// Values are nowhere in clear: not in the database's files and log, not in Redis, not in coffer's log, not in error answers.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { Redis } from "ioredis";
import { Client } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { SecretService } from "../../gen/coffer/v1/secret_service_pb.ts";
import { formsOf, textsIn, textsInFiles } from "../support/find-bytes.ts";
import { useProcesses } from "../support/processes.ts";
import { startTestRedis } from "../support/redis.ts";
import { byId, data, keyValues, present } from "../support/secrets.ts";
import { protocols, transportsOf } from "../support/transports.ts";

const processes = useProcesses();
const createPath = "/coffer.v1.SecretService/CreateSecret";
let serial = 0;
const newCanary = () => `canary${randomBytes(12).toString("hex")}`;
const newName = () => `name-${++serial}`;

/** A coffer as users start it, with Redis and a log that tells everything. */
async function start() {
  const redis = await startTestRedis({ own: true });
  onTestFinished(redis.stop);
  const dataDir = join(processes.newDir(), "data");
  const env = {
    COFFER_DATA_DIR: dataDir,
    COFFER_REDIS_URL: redis.url,
    COFFER_LOG_FORMAT: "json",
    COFFER_LOG_LEVEL: "debug",
  };
  const serving = await processes.serve({ ...env, COFFER_RATE_LIMIT_UNAUTHENTICATED: "10000" });
  const token = readFileSync(join(dataDir, "owner-token"), "utf8").trim();
  return { redis, dataDir, serving, token };
}

type Started = Awaited<ReturnType<typeof start>>;

/** The writes of each API: every canary becomes a value that reads back. */
async function createThroughEveryApi(started: Started): Promise<string[]> {
  const canaries: string[] = [];
  const next = () => {
    const canary = newCanary();
    canaries.push(canary);
    return canary;
  };
  for (const [, transport] of transportsOf(started.serving.url, started.token)) {
    const secrets = createClient(SecretService, transport);
    const key = { headers: { "idempotency-key": newName() } };
    const text = next();
    const { secret } = await secrets.createSecret({ name: newName(), value: data(text) }, key);
    const id = present(secret).id;
    await secrets.createSecret({ name: newName(), value: keyValues({ part: Buffer.from(next()) }) });
    await secrets.addSecretVersion({ ...byId(id), value: data(next()) });
    const { value } = await secrets.getSecretValue({ ...byId(id), version: "1" });
    expect(value.case === "data" && Buffer.from(value.value).toString()).toBe(text);
    // The next steps of an engineer, while both caches still hold the value.
    await secrets.updateSecret({ secret: { id, description: "described" } });
    await secrets.batchGetSecretValues({ requests: [byId(id)] });
  }
  const rest = await post(started, "/v1/secrets", JSON.stringify({ name: newName(), kind: "generic", value: next() }));
  expect(rest.status).toBe(201);
  return canaries;
}

interface Answered {
  status: number;
  text: string;
}

async function post(
  { serving, token }: Started,
  path: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<Answered> {
  const response = await fetch(serving.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
    body,
  });
  return { status: response.status, text: await response.text() };
}

/** Requests that are refused for another reason than their value. */
async function sendRejected(started: Started): Promise<{ canaries: string[]; answers: Answered[] }> {
  const canaries: string[] = [];
  const answers: Answered[] = [];
  const send = async (path: string, bodyOf: (canary: string) => string, headers: Record<string, string> = {}) => {
    const canary = newCanary();
    canaries.push(canary);
    answers.push(await post(started, path, bodyOf(canary), headers));
  };
  const json = (fields: (canary: string) => Record<string, unknown>) => (canary: string) =>
    JSON.stringify(fields(canary));
  const encode = (text: string) => Buffer.from(text).toString("base64");
  const longName = "n".repeat(600);
  const valid = (canary: string) => ({ name: newName(), data: encode(canary) });

  await send(
    createPath,
    json((canary) => ({ name: longName, data: encode(canary) })),
  );
  await send(
    createPath,
    json((canary) => ({ ...valid(canary), unknownField: canary })),
  );
  await send(
    createPath,
    json((canary) => ({ name: newName(), data: `${canary}!` })),
  );
  await send(
    createPath,
    json((canary) => ({ name: newName(), data: [canary] })),
  );
  await send(
    createPath,
    json((canary) => ({ name: newName(), data: encode(canary), keyValues: { values: { k: encode(canary) } } })),
  );
  await send(
    createPath,
    json((canary) => ({ name: newName(), kind: canary, data: encode(canary) })),
  );
  await send(
    createPath,
    json((canary) => ({ name: newName(), data: encode(canary.repeat(3_000)) })),
  );
  await send(
    createPath,
    json((canary) => ({ name: newName(), data: encode(canary.repeat(30_000)) })),
  );
  await send(createPath, (canary) => `{"name": "x", "data": "${encode(canary)}"`);
  await send(createPath, (canary) => `{"name": "x", "data": "${canary}`);
  await send(createPath, (canary) => `{"name": "x", "data": ${canary}}`);
  await send(createPath, (canary) => `{"name": "x", "data": "${encode(canary)}", "data": "${encode(canary)}"}`);
  await send(createPath, json(valid), { "content-type": "text/plain" });
  await send(createPath, json(valid), { "content-type": "application/grpc+json" });
  await send(createPath, (canary) => canary, { "content-type": "application/proto" });
  await send(createPath, (canary) => canary, { "content-type": "application/grpc" });
  await send(createPath, (canary) => canary, { "content-type": "application/grpc-web+proto" });
  await send(createPath, json(valid), { authorization: "Bearer nobody" });
  await send(createPath, json(valid), { "idempotency-key": "k".repeat(65) });
  await send("/coffer.v1.SecretService/NoSuchMethod", json(valid));
  await send(
    "/v1/secrets",
    json((canary) => ({ name: longName, kind: "generic", value: canary })),
  );
  await send(
    "/v1/secrets",
    json((canary) => ({ name: newName(), kind: canary, value: canary })),
  );
  await send(
    "/v1/secrets",
    json((canary) => ({ name: newName(), kind: "generic", value: canary, more: canary })),
  );
  await send(
    "/v1/secrets",
    json((canary) => ({ name: newName(), kind: "generic", value: { text: canary } })),
  );
  await send("/v1/secrets", (canary) => `{"name": "x", "kind": "generic", "value": "${canary}`);
  await send(
    "/v1/nowhere",
    json((canary) => ({ value: canary })),
  );
  return { canaries, answers };
}

/** The database's own connection, from the data directory's password. */
async function checkpoint(dataDir: string): Promise<void> {
  const password = readFileSync(join(dataDir, "postgres-password"), "utf8").trim();
  const client = new Client({
    host: join(dataDir, "postgres"),
    port: 5432,
    user: "coffer",
    password,
    database: "coffer",
    ssl: false,
  });
  await client.connect();
  await client.query("checkpoint");
  await client.end();
}

async function dumpRedis(url: string): Promise<Buffer> {
  const client = new Redis(url);
  try {
    const names = await client.keys("*");
    const values = await Promise.all(names.map((name) => client.dumpBuffer(name)));
    return Buffer.concat([Buffer.from(names.join("\n")), ...values]);
  } finally {
    client.disconnect();
  }
}

describe("the search", () => {
  it.each(["raw", "hex", "base64", "base64url"] as const)("finds a text in %s, wherever it stands", (form) => {
    const text = newCanary();
    for (const before of ["", "a", "ab", "abc"]) {
      const whole = Buffer.from(`${before}${text}after`);
      expect(textsIn(form === "raw" ? whole : whole.toString(form), [text, "other"])).toEqual([text]);
    }
    expect(formsOf(text).every((part) => part.length > 20)).toBe(true);
  });
});

describe("values that came in by every API, accepted or refused", () => {
  it("are in no file of the database, in no key of Redis, in no log line and in no error answer", async () => {
    const started = await start();
    const control = newCanary();
    const { secrets } = processes.ownerClients(started.serving, started.dataDir);
    await secrets.createSecret({ name: newName(), description: control, value: data("x") });
    const accepted = await createThroughEveryApi(started);
    const { canaries: refused, answers } = await sendRejected(started);
    expect(accepted).toHaveLength(3 * protocols.length + 1);
    // A text in the place of a field's name is named to its sender, and to nobody else.
    const asName = newCanary();
    expect((await post(started, createPath, JSON.stringify({ [asName]: "x" }))).text).toContain(asName);
    const canaries = [...accepted, ...refused, asName];

    expect(answers.filter(({ status, text }) => status === 200 && !/grpc|error/.test(text) && text !== "")).toEqual([]);
    expect(answers.filter(({ text }) => textsIn(text, canaries).length > 0)).toEqual([]);

    const hints = await dumpRedis(started.redis.url);
    expect(hints.toString("latin1")).toContain("coffer:idem:");
    expect(textsIn(hints, [...canaries, started.token.slice(-20)])).toEqual([]);

    await checkpoint(started.dataDir);
    const clusterDir = join(started.dataDir, "postgres");
    expect(textsInFiles(clusterDir, canaries)).toEqual([]);
    // The same search does find what is there in clear: in a table's file and in the write-ahead log.
    const places = textsInFiles(clusterDir, [control]).map(
      ({ path }) => path.slice(clusterDir.length + 1).split("/")[0],
    );
    expect(new Set(places)).toEqual(new Set(["base", "pg_wal"]));

    const { stdout, stderr, code } = await started.serving.stop();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    // The server's own log goes the same way; the names of methods show that the calls are there.
    expect(stdout).toContain('"msg":"postgres"');
    expect(stdout).toContain("SecretService/CreateSecret");
    expect(textsIn(stdout, [...canaries, started.token.slice(-20)])).toEqual([]);
  });
});
