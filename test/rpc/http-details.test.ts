// Statuses, encodings and HEAD, as the specifications of Connect and HTTP have them.
import { once } from "node:events";
import * as http from "node:http";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createAkuaSecret } from "../support/akua.ts";
import { useCoffer } from "../support/coffer.ts";
import { newName } from "../support/secrets.ts";

const coffer = useCoffer();

const getSecret = "/coffer.v1.SecretService/GetSecret";

describe("Connect", () => {
  const json = { "content-type": "application/json" };

  it("has its own HTTP statuses: 501 for unimplemented, 429 for resource exhausted, 504 for a deadline", async () => {
    const none = await coffer.fetch("/coffer.v1.SecretService/Nothing", { json: {} });
    expect([none.status, await none.json()]).toMatchObject([501, { code: "unimplemented" }]);
    const large = await coffer.fetch(getSecret, { headers: json, body: `{"id":"${"x".repeat(1_100_000)}"}` });
    expect([large.status, await large.json()]).toMatchObject([429, { code: "resource_exhausted" }]);
    const deflated = { ...json, "content-encoding": "deflate" };
    const encoded = await coffer.fetch(getSecret, { headers: deflated, body: deflateSync("{}") });
    expect([encoded.status, await encoded.json()]).toMatchObject([501, { code: "unimplemented" }]);
    expect(encoded.headers.get("accept-encoding")).toBe("gzip, br, identity");
    const late = await coffer.fetch(getSecret, { headers: { ...json, "connect-timeout-ms": "0" }, body: '{"id":"x"}' });
    expect([late.status, await late.json()]).toMatchObject([504, { code: "deadline_exceeded" }]);
  });
});

describe("compressed requests over HTTP", () => {
  it.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
  ])("in %s", async (encoding, compress) => {
    const headers = { "content-type": "application/json", "content-encoding": encoding };
    const body = compress(JSON.stringify({ name: newName(), value: "v" }));
    expect((await coffer.fetch("/v1/secrets", { headers, body })).status).toBe(201);
    const rpc = compress(JSON.stringify({ name: newName(), data: "djE=" }));
    expect((await coffer.fetch("/coffer.v1.SecretService/CreateSecret", { headers, body: rpc })).status).toBe(200);
    const broken = body.subarray(0, -4);
    expect((await coffer.fetch("/v1/secrets", { headers, body: broken })).status).toBe(400);
    const followed = Buffer.concat([body, Buffer.from("more")]);
    expect((await coffer.fetch("/v1/secrets", { headers, body: followed })).status).toBe(400);
    const bomb = compress(Buffer.alloc(900_000, "a"));
    expect((await coffer.fetch("/v1/secrets", { headers, body: bomb })).status).toBe(413);
  });

  it("in another encoding: 415, and the answer says which are taken", async () => {
    const headers = { "content-type": "application/json", "content-encoding": "deflate" };
    const response = await coffer.fetch("/v1/secrets", { headers, body: deflateSync("{}") });
    expect([response.status, response.headers.get("accept-encoding")]).toEqual([415, "gzip, br, identity"]);
  });
});

describe("HEAD", () => {
  async function head(
    path: string,
    method = "HEAD",
  ): Promise<{ status: number; length: string | undefined; body: string }> {
    const { hostname, port } = new URL(coffer.url);
    const headers = { authorization: `Bearer ${coffer.ownerToken}` };
    const request = http.request({ hostname, port, path, method, headers }).end();
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    const chunks = await response.toArray();
    return {
      status: response.statusCode ?? 0,
      length: response.headers["content-length"],
      body: Buffer.concat(chunks).toString(),
    };
  }

  it("answers as GET does, without the body", async () => {
    const { id } = await createAkuaSecret(coffer);
    const message = encodeURIComponent(JSON.stringify({ id }));
    const paths = [
      `/v1/secrets/${id}`,
      `/v1/secrets/${id}/versions`,
      `/v1/secrets/sec_none`,
      "/healthz",
      "/readyz",
      "/providers",
      `${getSecret}?connect=v1&encoding=json&message=${message}`,
    ];
    for (const path of paths) {
      const [byHead, byGet] = [await head(path), await head(path, "GET")];
      expect([path, byHead]).toEqual([path, { status: byGet.status, length: byGet.length, body: "" }]);
      expect(byGet.length).toBe(String(Buffer.byteLength(byGet.body)));
    }
  });

  it("is refused where GET is", async () => {
    const { id } = await createAkuaSecret(coffer);
    expect((await head(`/v1/secrets/${id}:undelete`)).status).toBe(405);
    const response = await coffer.fetch(`/v1/secrets/${id}`, { method: "PUT" });
    expect(response.headers.get("allow")).toBe("DELETE, GET, HEAD, PATCH");
  });
});
