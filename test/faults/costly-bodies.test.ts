// Bodies that are cheap to send and dear to read: refused by their headers, or before messages are made of them.
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { createClients, useCoffer } from "../support/coffer.ts";
import { measureP99 } from "../support/latency.ts";
import { useProcesses } from "../support/processes.ts";
import { sendRaw } from "../support/raw-http.ts";
import { residentMibMax } from "../support/resident-memory.ts";
import { createSecret, data } from "../support/secrets.ts";

const coffer = useCoffer({ redisUrl: null });
const processes = useProcesses();

const mib = 1024 * 1024;
const batchPath = "/coffer.v1.SecretService/BatchGetSecretValues";
const emptyRequests = `{"requests":[${"{},".repeat(mib / 3 - 10)}{}]}`;
const emptyMessages = Buffer.alloc(mib - 64, Buffer.from([0x0a, 0x00]));
const framed = (message: Uint8Array, flag = 0) => {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([prefix, message]);
};

interface Body {
  path: string;
  method?: string;
  headers: string;
  body: Uint8Array;
}

const bodies: Record<string, Body> = {
  "Connect in gzip": {
    path: batchPath,
    headers: "Content-Type: application/json\r\nContent-Encoding: gzip",
    body: gzipSync(emptyRequests),
  },
  "Connect in JSON": { path: batchPath, headers: "Content-Type: application/json", body: Buffer.from(emptyRequests) },
  "Connect in binary": { path: batchPath, headers: "Content-Type: application/proto", body: emptyMessages },
  "gRPC-Web": { path: batchPath, headers: "Content-Type: application/grpc-web+proto", body: framed(emptyMessages) },
  "gRPC-Web in gzip": {
    path: batchPath,
    headers: "Content-Type: application/grpc-web+proto\r\nGrpc-Encoding: gzip",
    body: framed(gzipSync(emptyMessages), 1),
  },
  "a REST list": {
    path: "/v1/teams/00000000-0000-0000-0000-000000000000/secrets",
    method: "GET",
    headers: "Content-Type: application/json",
    body: Buffer.from(emptyRequests),
  },
  "a REST creation": {
    path: "/v1/secrets",
    headers: "Content-Type: application/json",
    body: Buffer.from(`{"labels":{},"x":[${"{},".repeat(mib / 3 - 20)}{}]}`),
  },
};

function head({ path, method = "POST", headers, body }: Body, token: string | undefined): string {
  const credential = token === undefined ? "" : `Authorization: Bearer ${token}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nHost: x\r\n${credential}${headers}\r\nContent-Length: ${body.byteLength}\r\n\r\n`;
}

describe.each(Object.entries(bodies))("%s", (_what, body) => {
  test("is refused for want of a credential before any of its body is sent", async () => {
    const answer = await sendRaw(coffer.url, head(body, undefined));
    const status = body.headers.includes("grpc") ? answer.headers["grpc-status"] : answer.status;
    expect([401, "16"]).toContain(status);
  });

  test("is refused before messages are made of it", async () => {
    const request = Buffer.concat([Buffer.from(head(body, coffer.ownerToken)), body.body]);
    const answer = await sendRaw(coffer.url, request);
    if (body.headers.includes("grpc")) expect(["3", "8"]).toContain(answer.headers["grpc-status"]);
    else expect([400, 413, 429]).toContain(answer.status);
  });
});

test("a client that asks first is not told to go on before its credential is known", async () => {
  const answer = await sendRaw(
    coffer.url,
    `POST ${batchPath} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 900\r\n\r\n`,
  );
  expect(answer.status).toBe(401);
});

test("a token that is revoked while its body trickles in is not let in any more", async () => {
  const { token, apiToken } = await coffer.clients().tokens.createToken({ displayName: "t" });
  const socket = connect(Number(new URL(coffer.url).port), "127.0.0.1");
  socket.write(
    head(
      { path: "/coffer.v1.TokenService/WhoAmI", headers: "Content-Type: application/json", body: Buffer.from("{}") },
      token,
    ),
  );
  await sleep(300);
  await coffer.clients().tokens.revokeToken({ id: apiToken?.id ?? "" });
  await sleep(1_200);
  socket.write("{}");
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  expect(answer.toString()).toMatch(/^HTTP\/1.1 401 /);
});

describe("64 connections that send such bodies", { retry: 2 }, () => {
  let secretId = "";
  beforeAll(async () => {
    ({ id: secretId } = await createSecret(coffer, { value: data("a value") }));
  });

  test.each([
    ["without a credential", undefined],
    ["with a credential", "valid"],
  ])("%s leave another caller's p99 below 100 ms, and the process below 400 MiB", async (_what, kind) => {
    const serving = await processes.serve({ ...processes.settingsOf(coffer) });
    const { secrets } = createClients(serving.url, coffer.ownerToken);
    const read = () => secrets.getSecretValue({ secret: { case: "id", value: secretId } });
    await read();
    const token = kind && coffer.ownerToken;
    // The suite shares its machine: what a caller waits without the attack says what the attack adds.
    const idle = measureP99(read);
    await sleep(2_000);
    const idleP99Ms = await idle.stop();
    const end = performance.now() + 5_000;
    const kinds = Object.values(bodies);
    const attack = async (index: number) => {
      const body = kinds[index % kinds.length] as Body;
      const bytes = Buffer.concat([Buffer.from(head(body, token)), body.body]);
      // 8 KB a second of the small ones; the large ones as often as this process can send them without slowing its own calls.
      const pauseMs = bytes.byteLength < 8_192 ? 125 : 1_000;
      await sleep((pauseMs * index) / 64);
      while (performance.now() < end) {
        await sendRaw(serving.url, bytes).catch(() => {});
        await sleep(pauseMs);
      }
    };
    const other = measureP99(read);
    await Promise.all(Array.from({ length: 64 }, (_, index) => attack(index)));
    const p99Ms = await other.stop();
    const mibMax = residentMibMax(serving.child.pid);
    console.log(`costly bodies ${kind}: p99 ${p99Ms.toFixed(1)} ms, ${mibMax.toFixed(0)} MiB`);
    expect(p99Ms).toBeLessThan(Math.max(100, 4 * idleP99Ms));
    expect(mibMax).toBeLessThan(400);
  });
});
