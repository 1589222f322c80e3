// One request through an open tunnel, which stays open.
import { request as openRequest } from "node:http";
import type { Socket } from "node:net";

export interface TunnelAnswer {
  status: number;
  reason: string | undefined;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

export interface TunnelRequest {
  method?: string;
  path?: string;
  host: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

export async function requestIn(
  tunnel: Socket,
  { method = "GET", path = "/", host, headers = {}, body }: TunnelRequest,
): Promise<TunnelAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<TunnelAnswer>();
  const request = openRequest({
    createConnection: () => tunnel,
    method,
    path,
    maxHeaderSize: 262_144,
    headers: { host, connection: "keep-alive", ...headers },
  });
  request.on("error", reject);
  request.on("response", (response) => {
    let text = "";
    response.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    response.on("error", reject);
    response.on("end", () => {
      const reason = response.headers["x-superserve-proxy-reason"];
      resolve({ status: response.statusCode ?? 0, reason: reason?.toString(), headers: response.headers, body: text });
    });
  });
  request.end(body);
  return promise;
}
