// The gRPC calls, tried once by hand: the load generator sees HTTP only, so it is told what a right answer weighs.
import { once } from "node:events";
import http2 from "node:http2";
import type { Action } from "./cases.ts";
import type { GrpcCall } from "./load/load.ts";
import { keyMarker } from "./load/load.ts";
import { rpcOf } from "./requests.ts";
import type { Rig } from "./rig.ts";

type GrpcAction = Extract<Action, "get value hot" | "list 50">;

export async function grpcCall(rig: Rig, which: "floor" | "coffer", action: GrpcAction): Promise<GrpcCall> {
  const { method, binary } = rpcOf(action);
  const { hotId, ownerToken } = rig.seeded;
  const message = Buffer.from(Buffer.from(binary).toString("latin1").replace(keyMarker, hotId), "latin1");
  const frameHeader = Buffer.alloc(5);
  frameHeader.writeUInt32BE(message.byteLength, 1);
  const floorPath = action === "list 50" ? "/secrets" : `/value/${hotId}`;
  const call = {
    path: which === "floor" ? floorPath : `/coffer.v1.SecretService/${method}`,
    token: ownerToken,
    body: Buffer.concat([frameHeader, message]),
  };
  return { ...call, answerSizeBytes: await tryOnce(rig[which].grpcPort, call) };
}

async function tryOnce(port: number, { path, token, body }: Omit<GrpcCall, "answerSizeBytes">): Promise<number> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  try {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      authorization: `Bearer ${token}`,
    });
    let status: unknown = "missing";
    let sizeBytes = 0;
    stream.on("trailers", (trailers) => {
      status = trailers["grpc-status"];
    });
    stream.on("data", (chunk: Buffer) => {
      sizeBytes += chunk.byteLength;
    });
    stream.end(body);
    await once(stream, "end");
    if (String(status) !== "0") throw new Error(`${path} answers with grpc-status ${status}`);
    return sizeBytes;
  } finally {
    session.close();
  }
}
