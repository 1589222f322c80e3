// Answers that no well-meant host would give: none carries the value past the search, and each has an end.
import type { RequestListener } from "node:http";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import {
  basicAuth,
  bearerFor,
  bindSecret,
  connectProxy,
  eventsOf,
  makeSandbox,
  openTunnel,
  sendRaw,
  useEgress,
} from "../support/egress.ts";

const host = "api.upstream.test";
const value = "an-upstream-credential";
const coffer = useCoffer();
const head = (...lines: string[]) => `HTTP/1.1 ${lines.join("\r\n")}\r\nConnection: close\r\n\r\n`;
const packed = (coding: string, body: Buffer, ...lines: string[]) =>
  Buffer.concat([Buffer.from(head("200 OK", ...lines, `Content-Encoding: ${coding}`)), body]);
const chunked = value
  .split("")
  .map((letter) => `1;x=y\r\n${letter}\r\n`)
  .join("");

const answers: Readonly<Record<string, Buffer | string>> = {
  "in its head": head(
    `200 is ${value}`,
    `X-${value}: ${value}`,
    `Set-Cookie: a=${value}`,
    `Location: https://x/?${value}`,
  ),
  "in hints before it": `HTTP/1.1 103 Early Hints\r\nLink: <${value}>\r\n\r\n${head("200 OK", "Content-Length: 0")}`,
  "letter by letter": `${head("200 OK", "Transfer-Encoding: chunked")}${chunked}0\r\n\r\n`,
  "in its trailers": `${head("200 OK", "Transfer-Encoding: chunked")}0\r\nX-T: ${value}\r\n\r\n`,
  "in gzip behind 1100 headers": packed("gzip", gzipSync(value), ...Array.from({ length: 1_100 }, () => "a:b")),
  "in two members of gzip": packed("gzip", Buffer.concat([gzipSync(value.slice(0, 9)), gzipSync(value.slice(9))])),
  "in gzip twice": packed("gzip, gzip", gzipSync(gzipSync(value))),
  "in half of gzip": packed("gzip", gzipSync(value).subarray(0, 30)),
  "in deflate": packed("Deflate", deflateSync(value)),
  "in brotli": packed("br", brotliCompressSync(value)),
  "in zstd": packed("zstd", zstdCompressSync(Buffer.from(value))),
  "in a second answer": `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${head("200 OK")}${value}`,
  "in HTTP/1.0": `HTTP/1.0 200 OK\r\n\r\n${value}`,
};
const failures: Readonly<Record<string, string>> = {
  "a status that is none": head("099 Odd", "Content-Length: 0"),
  "a length beside a transfer coding": head("200 OK", "Content-Length: 3", "Transfer-Encoding: chunked"),
  "no HTTP": "hello\r\n\r\n",
  "a head without an end": `HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(9_000)}`,
};
const others = {
  "a control character": head("200 o\x01k", "Content-Length: 0"),
  "Latin-1": head("200 OK", "X-A: \xe9\xff", "Content-Length: 0"),
};
const all: Readonly<Record<string, Buffer | string>> = { ...answers, ...failures, ...others };
const egress = useEgress(coffer, {
  hosts: [host],
  answer: ((request) => {
    const answer = all[decodeURIComponent(request.url ?? "").slice(1)] ?? "";
    request.socket.end(typeof answer === "string" ? Buffer.from(answer, "latin1") : answer);
  }) satisfies RequestListener,
});

async function ask(name: string) {
  const sandbox = await makeSandbox(coffer);
  const { placeholder } = await bindSecret(coffer, sandbox, value, bearerFor(host));
  const tunnel = await openTunnel(egress, sandbox, host);
  const fields = `Host: ${host}:${egress.upstreamPort}\r\nAuthorization: Bearer ${placeholder}\r\nConnection: close`;
  const answer = await sendRaw(tunnel, `GET /${encodeURIComponent(name)} HTTP/1.1\r\n${fields}\r\n\r\n`);
  return { sandbox, answer, placeholder };
}

test.each(Object.keys(answers))("the value %s does not come through", async (name) => {
  const { answer, sandbox } = await ask(name);
  const bytes = Buffer.from(answer, "latin1");
  for (const form of [value, gzipSync(value).subarray(10, 24), value.slice(0, 12)])
    expect(bytes.includes(form)).toBe(false);
  expect(await eventsOf(coffer, sandbox)).toHaveLength(1);
});

test.each(Object.keys(failures))("%s is no answer", async (name) => {
  const { answer, sandbox } = await ask(name);
  expect(answer).toContain("X-Superserve-Proxy-Reason: upstream_unreachable");
  expect(await eventsOf(coffer, sandbox)).toMatchObject([{ status: 502, error_code: "upstream_unreachable" }]);
});

test("what may stand in a head goes on byte by byte, and what may not goes", async () => {
  expect((await ask("a control character")).answer).toMatch(/^HTTP\/1\.1 200 ok\r\n/);
  expect((await ask("Latin-1")).answer).toContain("X-A: \xe9\xff\r\n");
});

test("a name that is none is no longer in an event than a name may be", async () => {
  const sandbox = await makeSandbox(coffer);
  const line = `CONNECT ${"x".repeat(9_000)}:443 HTTP/1.1\r\nHost: x\r\n`;
  await sendRaw(connectProxy(egress), `${line}Proxy-Authorization: ${basicAuth(sandbox.token)}\r\n\r\n`);
  expect(await eventsOf(coffer, sandbox)).toMatchObject([{ host: "x".repeat(253) }]);
});
