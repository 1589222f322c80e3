// HTTP/1.1 requests, valid and broken, with all that says how long a body is and what becomes of the connection.
import { mutated } from "./fuzz.ts";
import type { SeededRandom } from "./seeded-random.ts";

export interface Http1Words {
  targets: readonly string[];
  /** Header lines that make requests get further. */
  lines: readonly string[];
}

const methods = [
  "GET",
  "POST",
  "PUT",
  "DELETE",
  "PATCH",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "CONNECT",
  "PRI",
  "QUERY",
  "G\0T",
];
const framings = [
  "Content-Length: 2",
  "Content-Length: 0",
  "Content-Length: 5000000",
  "Content-Length: -1",
  "Content-Length: 2, 2",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: gzip, chunked",
  "Transfer-Encoding: identity",
  "Transfer-Encoding: chunked\r\nContent-Length: 4",
  "Content-Encoding: gzip\r\nContent-Length: 4",
];
const others = [
  "Expect: 100-continue",
  "Expect: something",
  "Connection: close",
  "Connection: keep-alive, Upgrade",
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13",
  "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
  "Host: other",
  "X-A: \x80\xff",
  "X-A:\tb ",
  ": no name",
  "X A: b",
  " folded",
  "If-Match: *",
  "Accept-Encoding: gzip",
];
const bodies = [
  "",
  "{}",
  "2\r\n{}\r\n0\r\n\r\n",
  "fffffffff\r\n",
  "0\r\nX-T: 1\r\n\r\n",
  "2;a=b\r\n{}\r\n0\r\n\r\n",
  "\x1f\x8b\x08\x00",
];

/** The bytes of one connection. */
export function http1Bytes(random: SeededRandom, words: Http1Words): Buffer {
  const requests = Array.from({ length: 1 + random.integer(4) }, () => requestText(random, words));
  const bytes = Buffer.from(requests.join(""), "latin1");
  return random.chance(0.4) ? mutated(bytes, random) : bytes;
}

function requestText(random: SeededRandom, { targets, lines }: Http1Words): string {
  const version = random.chance(0.9) ? "HTTP/1.1" : random.oneOf(["HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "http/1.1", ""]);
  const end = random.chance(0.95) ? "\r\n" : "\n";
  const header = [
    `${random.oneOf(methods)} ${random.oneOf(targets)} ${version}`,
    ...(random.chance(0.9) ? ["Host: localhost"] : []),
    ...lines.filter(() => random.chance(0.7)),
    ...(random.chance(0.7) ? [random.oneOf(framings)] : []),
    ...others.filter(() => random.chance(0.1)),
  ];
  return `${header.join(end)}${end}${end}${random.oneOf(bodies)}`;
}
