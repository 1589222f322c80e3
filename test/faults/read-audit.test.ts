// No value without its audit event: kill -9 under read load, and an audit table that takes nothing.
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { until } from "../support/poll.ts";
import { useProcesses } from "../support/processes.ts";

const readers = 32;
const processes = useProcesses();
let place: TestDatabase;
let client: Client;
let keyFile = "";
beforeAll(async () => {
  place = await createTestDatabase("template0");
  client = new Client(place.url);
  await client.connect();
  keyFile = join(processes.newDir(), "root.key");
  writeFileSync(keyFile, randomBytes(32).toString("base64"), { mode: 0o600 });
});
afterAll(async () => {
  await client.end();
  await place.drop();
});

let token = "";
async function serve(workers: number) {
  const dataDir = processes.newDir();
  const serving = await processes.serve({
    COFFER_DATA_DIR: dataDir,
    COFFER_DATABASE_URL: place.url,
    COFFER_ROOT_KEY_FILE: keyFile,
    COFFER_WORKERS: String(workers),
    COFFER_LOG_FORMAT: "json",
    COFFER_RATE_LIMIT_PRINCIPAL: "1000000",
    COFFER_RATE_LIMIT_WORKSPACE: "1000000",
  });
  token ||= readFileSync(join(dataDir, "owner-token"), "utf8").trim();
  return serving;
}

async function call(url: string, rpc: string, message: object) {
  const response = await fetch(`${url}/coffer.v1.SecretService/${rpc}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(message),
  });
  return { status: response.status, requestId: response.headers.get("x-request-id"), text: await response.text() };
}

async function makeSecret(url: string, name: string): Promise<string> {
  const { text } = await call(url, "CreateSecret", { name, data: Buffer.from("value").toString("base64") });
  return (JSON.parse(text) as { secret: { id: string } }).secret.id;
}

describe("an audit event is there for every value that was answered", () => {
  it.each([1, 2])("after kill -9 under read load, with %d process(es)", async (workers) => {
    const serving = await serve(workers);
    const id = await makeSecret(serving.url, `read by ${workers}`);
    const answered: string[] = [];
    let killing: Promise<unknown> | undefined;
    // Each reads until nobody answers any more.
    const read = async () => {
      for (;;) {
        const { status, requestId } = await call(serving.url, "GetSecretValue", { id });
        expect(status).toBe(200);
        answered.push(requestId as string);
        if (answered.length === 1_500) killing = serving.kill();
      }
    };
    const ends = await Promise.allSettled(Array.from({ length: readers }, read));
    await killing;
    for (const end of ends) expect(end).toMatchObject({ status: "rejected", reason: new TypeError("fetch failed") });
    const { rows } = await client.query(
      "select distinct request_id from audit_event where resource_id = $1 and result = 'OK' and request_id = any($2)",
      [id, answered],
    );
    expect(rows).toHaveLength(new Set(answered).size);
    expect(answered.length).toBeGreaterThanOrEqual(1_500);
  });

  it("or else the value does not leave, and does again when the audit table takes events", async () => {
    const serving = await serve(1);
    const id = await makeSecret(serving.url, "guarded");
    expect((await call(serving.url, "GetSecretValue", { id })).status).toBe(200);
    await client.query("alter table audit_event add constraint shut check (false) not valid");
    const refused = await Promise.all(
      Array.from({ length: readers }, () => call(serving.url, "GetSecretValue", { id })),
    );
    for (const { status, text } of refused) {
      expect({ status, text }).toEqual({ status: 503, text: expect.stringContaining("AUDIT_UNAVAILABLE") });
      expect(text).not.toContain(Buffer.from("value").toString("base64"));
    }
    await client.query("alter table audit_event drop constraint shut");
    await until("it is read again", async () => (await call(serving.url, "GetSecretValue", { id })).status === 200);
    await serving.stop();
  });
});
