// Requests as bytes on a socket: what no client library would send, and exactly what a document shows.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";

export interface RawReply {
  status: number;
  /** By lower-case names. */
  headers: Record<string, string>;
  body: string;
}

/** A request file with its `{{variables}}` filled in; `{{length}}` is that of the body. */
export function readRequestFile(file: URL, variables: Record<string, string>): string {
  const [head = "", ...rest] = readFileSync(file, "utf8").split("\n\n");
  const body = fill(rest.join("\n\n").trimEnd(), variables);
  return rawRequest(fill(head, { ...variables, length: String(Buffer.byteLength(body)) }).split("\n"), body);
}

/** Header lines, the request line first, and a body. */
export function rawRequest(lines: readonly string[], body = ""): string {
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

function fill(text: string, variables: Record<string, string>): string {
  return text.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = variables[name];
    if (value === undefined) throw new Error(`the request file needs ${name}`);
    return value;
  });
}

/** Sends the bytes and reads one answer. */
export async function sendRaw(url: string, request: string | Uint8Array): Promise<RawReply> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  try {
    const chunks: Buffer[] = [];
    socket.write(request);
    for (;;) {
      const [event] = (await Promise.race([once(socket, "data"), once(socket, "end")])) as [Buffer | undefined];
      if (event === undefined) throw new Error("the server closed without an answer");
      chunks.push(event);
      const reply = parseReply(Buffer.concat(chunks));
      if (reply) return reply;
    }
  } finally {
    socket.destroy();
  }
}

function parseReply(bytes: Buffer): RawReply | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [statusLine = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const body = bytes.subarray(end + 4);
  if (body.byteLength < Number(headers["content-length"] ?? 0)) return undefined;
  return { status: Number(statusLine.split(" ")[1]), headers, body: body.toString() };
}
