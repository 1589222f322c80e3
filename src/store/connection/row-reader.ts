// Reads rows in ASCII without the driver's parser, which makes a string of the bytes of each value. test/store/row-reader.test.ts holds the two equal.
import { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import type pg from "pg";

/** The driver's connection, as it is: it parses what `stream` emits as "data", and emits the messages. */
interface Parsing extends EventEmitter {
  attachListeners(stream: EventEmitter): void;
}

/** Call it before the client connects. */
export function readRowsOf(client: pg.Client): void {
  const connection = client.connection as EventEmitter as Parsing;
  const attach = connection.attachListeners.bind(connection);
  connection.attachListeners = (stream) => {
    const others = new EventEmitter();
    attach(others);
    const take = createRowReader(
      (values) => connection.emit("dataRow", { name: "dataRow", fields: values }),
      (bytes) => others.emit("data", bytes),
    );
    (stream as Duplex).on("data", take);
    stream.on("end", () => others.emit("end"));
  };
}

const rowCode = "D".charCodeAt(0);
const headSize = 5;

/** Returns a function that takes pieces of the server's messages. It gives rows to `onRow` and all else to `onOther`, in their order. */
export function createRowReader(
  onRow: (values: (string | null)[]) => void,
  onOther: (bytes: Buffer) => void,
): (piece: Buffer) => void {
  // The pieces of a message that is not whole yet.
  let rest: Buffer[] = [];
  let restSize = 0;
  let wanted = 0;
  return (piece) => {
    rest.push(piece);
    restSize += piece.length;
    // A large message arrives in many pieces, and is put together once.
    if (restSize < wanted) return;
    const bytes = rest.length === 1 ? piece : Buffer.concat(rest, restSize);
    let at = 0;
    let others = 0;
    while (at + headSize <= bytes.length) {
      const end = at + 1 + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) break;
      const values = bytes[at] === rowCode ? readRow(bytes, at + headSize, end) : undefined;
      if (values) {
        if (others < at) onOther(bytes.subarray(others, at));
        onRow(values);
        others = end;
      }
      at = Math.max(end, at + headSize);
    }
    if (others < at) onOther(bytes.subarray(others, at));
    restSize = bytes.length - at;
    rest = restSize > 0 ? [bytes.subarray(at)] : [];
    wanted = restSize < headSize ? headSize : 1 + bytes.readUInt32BE(at + 1);
  };
}

/** The values of a row keep all of its text in memory, so a row must be small. */
const rowSizeMax = 4_096;

/** Returns undefined for a row that is large, not in ASCII or not well-formed. */
function readRow(bytes: Buffer, from: number, end: number): (string | null)[] | undefined {
  if (end - from > rowSizeMax || end < from + 2) return undefined;
  // Pieces of one string cost less than strings of their own.
  const text = bytes.toString("latin1", from, end);
  const count = bytes.readUInt16BE(from);
  const values = new Array<string | null>(count);
  let at = from + 2;
  for (let i = 0; i < count; i++) {
    if (at + 4 > end) return undefined;
    const size = bytes.readInt32BE(at);
    at += 4;
    if (size === -1) {
      values[i] = null;
      continue;
    }
    if (size < 0 || at + size > end || !isAscii(bytes, at, at + size)) return undefined;
    values[i] = text.substring(at - from, at - from + size);
    at += size;
  }
  return at === end ? values : undefined;
}

function isAscii(bytes: Buffer, from: number, end: number): boolean {
  let bits = 0;
  for (let at = from; at < end; at++) bits |= bytes[at] as number;
  return bits < 0x80;
}
