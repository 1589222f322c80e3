// A name server for tests, on a port of its own: what it says may change from one question to the next.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, isIPv6 } from "node:net";

export interface TestDns {
  /** The value for COFFER_EGRESS_DNS. */
  server: string;
  /** The answers to one question after another, the last one for all that follow; addresses of both families. */
  answers: Map<string, string[][]>;
  /** Names that are said to be others: both are in the answer. */
  aliases: Map<string, string>;
  /** Names that were asked for, with an entry for each question for IPv4 addresses. */
  asked: string[];
  close(): void;
}

const typeA = 1;
const typeCname = 5;
const typeAaaa = 28;

export async function startDns(): Promise<TestDns> {
  const answers = new Map<string, string[][]>();
  const aliases = new Map<string, string>();
  const asked: string[] = [];
  // How often each list of answers was asked for addresses of each family: who resolves a name asks for both.
  const counts = new WeakMap<string[][], Map<number, number>>();

  function addressesOf(name: string, type: number): string[] {
    const lists = answers.get(name) ?? [];
    const count = counts.get(lists) ?? new Map<number, number>();
    const nth = count.get(type) ?? 0;
    counts.set(lists, count.set(type, nth + 1));
    const current = lists[Math.min(nth, lists.length - 1)] ?? [];
    return current.filter((address) => type === (isIPv6(address) ? typeAaaa : typeA));
  }

  const socket = createSocket("udp4");
  socket.on("message", (question, from) => {
    const { name, type, end } = readQuestion(question);
    if (type === typeA) asked.push(name);
    const alias = aliases.get(name);
    const addresses = addressesOf(alias ?? name, type);
    const owner = alias === undefined ? Buffer.from([0xc0, 12]) : encodeName(alias);
    const records = addresses.map((address) => recordOf(owner, type, bytesOf(address)));
    if (alias !== undefined) records.unshift(recordOf(Buffer.from([0xc0, 12]), typeCname, encodeName(alias)));
    const header = Buffer.alloc(12);
    question.copy(header, 0, 0, 2);
    header.writeUInt16BE(answers.has(alias ?? name) ? 0x8180 : 0x8183, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    socket.send(Buffer.concat([header, question.subarray(12, end), ...records]), from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    server: `127.0.0.1:${(socket.address() as AddressInfo).port}`,
    ...{ answers, aliases, asked },
    close: () => void socket.close(),
  };
}

function readQuestion(message: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}

/** A record of the class IN that must not be cached. */
function recordOf(owner: Buffer, type: number, content: Buffer): Buffer {
  return Buffer.concat([owner, Buffer.from([0, type, 0, 1, 0, 0, 0, 0, 0, content.byteLength]), content]);
}

function encodeName(name: string): Buffer {
  const labels = name.split(".").map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

function bytesOf(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split(".").map(Number));
  // The URL standard writes an IPv4 address at its end as two groups, too.
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = (text: string) => text.split(":").filter((group) => group !== "");
  const [before, after] = [groups(head), groups(tail ?? "")];
  const zeros = new Array<string>(8 - before.length - after.length).fill("0");
  return Buffer.from(
    [...before, ...zeros, ...after].flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]),
  );
}
