// The view of Node's header object says the same as a map of the raw lines, on real requests over both versions of HTTP.

import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createHeaderMap } from "../../src/call/header-map.ts";
import type { NodeRequest } from "../../src/call/http-call.ts";
import { viewNodeHeaders } from "../../src/call/node-headers.ts";

const sent = {
  authorization: "Bearer t",
  "Content-Type": "application/json; charset=utf-8",
  "x-Forwarded-For": "10.0.0.1, 10.0.0.2",
  "user-agent": " spaces  inside ",
  "x-empty": "",
  "x-latin": "\u00fc",
  cookie: "a=b; c=d",
  etag: '"7"',
};

async function requestOver(protocol: "http1" | "http2"): Promise<NodeRequest> {
  const { promise, resolve } = Promise.withResolvers<NodeRequest>();
  const onRequest = (request: NodeRequest, response: { end(): unknown }) => {
    resolve(request);
    response.end();
  };
  const server = protocol === "http1" ? http.createServer(onRequest) : http2.createServer(onRequest);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  if (protocol === "http1") {
    http.get({ port, host: "127.0.0.1", headers: sent, agent: false });
  } else {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    onTestFinished(() => session.close());
    session.request({ ":path": "/", ...sent }).end();
  }
  return promise;
}

function mapOfLines(rawHeaders: readonly string[]): Headers {
  const headers = createHeaderMap();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (!name.startsWith(":")) headers.append(name, rawHeaders[i + 1] as string);
  }
  return headers;
}

test.each(["http1", "http2"] as const)(
  "over %s, for every header that is there and for some that are not",
  async (protocol) => {
    const request = await requestOver(protocol);
    const view = viewNodeHeaders(request.headers);
    const map = mapOfLines(request.rawHeaders);
    const names = [...map.keys(), ...Object.keys(sent), "X-EMPTY", "constructor", "toString", "x-absent"];
    for (const name of names) {
      expect([name, view.get(name), view.has(name)]).toEqual([name, map.get(name), map.has(name)]);
    }
    expect(Object.fromEntries(view)).toEqual(Object.fromEntries(map));
    expect(new Set(view.keys())).toEqual(new Set(map.keys()));
    expect(new Set(view.values())).toEqual(new Set(map.values()));
    const seen = new Map<string, string>();
    view.forEach((value, name) => {
      seen.set(name, value);
    });
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(map));
    for (const change of [() => view.set("a", "b"), () => view.append("a", "b"), () => view.delete("etag")]) {
      expect(change).toThrow("cannot be changed");
    }
  },
);
