// Every protocol that the one port speaks, as a transport with a token.
import type { Interceptor, Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";

/** By the name of the protocol. Without a token calls are sent without a credential. */
export function transportsOf(baseUrl: string, token?: string): [string, Transport][] {
  const authorize: Interceptor = (next) => (req) => {
    if (token !== undefined) req.header.set("authorization", `Bearer ${token}`);
    return next(req);
  };
  const options = { baseUrl, interceptors: [authorize] };
  return [
    ["Connect in JSON", createConnectTransport({ ...options, httpVersion: "1.1", useBinaryFormat: false })],
    ["Connect in binary", createConnectTransport({ ...options, httpVersion: "1.1", useBinaryFormat: true })],
    ["Connect over h2c", createConnectTransport({ ...options, httpVersion: "2", useBinaryFormat: false })],
    ["Connect GET", createConnectTransport({ ...options, httpVersion: "1.1", useHttpGet: true })],
    ["gRPC", createGrpcTransport(options)],
    ["gRPC-Web", createGrpcWebTransport({ ...options, httpVersion: "1.1" })],
    ["gRPC-Web over h2c", createGrpcWebTransport({ ...options, httpVersion: "2" })],
  ];
}

/** The names of the transports, which need a running server. */
export const protocols = transportsOf("http://localhost").map(([name]) => name);

export function transportFor(protocol: string, baseUrl: string, token?: string): Transport {
  const found = transportsOf(baseUrl, token).find(([name]) => name === protocol);
  if (!found) throw new Error(`no such protocol: ${protocol}`);
  return found[1];
}
