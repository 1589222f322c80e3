// The floor: a bare node:http server with one prepared statement a request, and the same behind a bare node:http2 one.
import { randomUUID } from "node:crypto";
import http from "node:http";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import pg from "pg";
import { type FloorSealed, floorOpen, floorSeal } from "./floor-table.ts";

const key = Buffer.from(process.env["FLOOR_KEY"] ?? "", "base64");
const pool = new pg.Pool({ connectionString: process.env["FLOOR_DATABASE_URL"] ?? "" });

async function getValue(id: string): Promise<string> {
  const { rows } = await pool.query<FloorSealed>({
    name: "get",
    text: "select nonce, ciphertext from floor_secret where id = $1",
    values: [id],
  });
  if (!rows[0]) throw new Error("no such secret");
  return JSON.stringify({ data: floorOpen(key, rows[0]).toString("base64") });
}

async function list(): Promise<string> {
  const { rows } = await pool.query({
    name: "list",
    text: "select id, name, labels, create_time, update_time from floor_secret order by name limit 50",
  });
  return JSON.stringify({ secrets: rows });
}

async function insert(body: Buffer): Promise<string> {
  const { name, data } = JSON.parse(body.toString()) as { name: string; data: string };
  const { nonce, ciphertext } = floorSeal(key, Buffer.from(data, "base64"));
  const id = randomUUID();
  await pool.query({
    name: "insert",
    text: "insert into floor_secret (id, name, nonce, ciphertext) values ($1, $2, $3, $4)",
    values: [id, name, nonce, ciphertext],
  });
  return JSON.stringify({ id, name });
}

function answer(method: string, path: string, body: Buffer): Promise<string> {
  if (path.startsWith("/value/")) return getValue(path.slice("/value/".length));
  return method === "POST" && path === "/secrets" ? insert(body) : list();
}

const server = http.createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    answer(request.method ?? "", request.url ?? "", Buffer.concat(chunks)).then(
      (text) => {
        const length = Buffer.byteLength(text);
        response.writeHead(200, { "content-type": "application/json", "content-length": length }).end(text);
      },
      () => response.writeHead(500).end(),
    );
  });
});

// The answer is always the same text: the work counts, and encoding would only add to it.
const fixedMessage = Buffer.concat([Buffer.from([0, 0, 0, 0, 100]), Buffer.alloc(100, "x")]);

const grpcServer = http2.createServer();
grpcServer.on("stream", (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
  stream.on("error", () => {}); // The load generator hangs up when its time is over.
  stream.resume();
  stream.on("end", () => {
    answer("GET", headers[":path"] ?? "", Buffer.alloc(0)).then(
      () => {
        if (stream.destroyed) return;
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.end(fixedMessage);
      },
      () => stream.respond({ ":status": 500 }, { endStream: true }),
    );
  });
});

function listen(which: http.Server | http2.Http2Server): Promise<number> {
  return new Promise((resolve) => {
    which.listen(0, "127.0.0.1", () => resolve((which.address() as AddressInfo).port));
  });
}

console.log(`floor listening on ${await listen(server)} and ${await listen(grpcServer)}`);
process.once("SIGTERM", () => process.exit(0));
