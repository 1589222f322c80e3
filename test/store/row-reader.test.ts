// Rows that coffer reads itself are those that the driver would read, in whatever pieces they arrive.
import { EventEmitter } from "node:events";
import pg from "pg";
import { expect, it } from "vitest";
import { createRowReader } from "../../src/store/connection/row-reader.ts";
import { type SeededRandom, seededRandom } from "../support/seeded-random.ts";

/** The events of a connection of the driver that gets these pieces. */
function readByDriver(pieces: readonly Buffer[]): unknown[] {
  const connection = new pg.Connection({}) as EventEmitter as EventEmitter & {
    attachListeners(stream: EventEmitter): void;
  };
  const stream = new EventEmitter();
  connection.attachListeners(stream);
  const seen: unknown[] = [];
  connection.on("dataRow", ({ fields }: { fields: unknown }) => seen.push(fields));
  connection.on("commandComplete", ({ text }: { text: string }) => seen.push(text));
  for (const piece of pieces) stream.emit("data", piece);
  return seen;
}

/** The same, with the rows that coffer reads itself; `own` counts them. */
function readByCoffer(pieces: readonly Buffer[]): { seen: unknown[]; own: number } {
  const seen: unknown[] = [];
  let own = 0;
  const passedOn: Buffer[] = [];
  const flush = () => seen.push(...readByDriver(passedOn.splice(0)));
  const take = createRowReader(
    (values) => {
      flush();
      own++;
      seen.push(values);
    },
    (bytes) => passedOn.push(Buffer.from(bytes)),
  );
  for (const piece of pieces) take(piece);
  flush();
  return { seen, own };
}

function message(code: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(code, "latin1");
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

function row(values: readonly (string | null)[]): Buffer {
  const count = Buffer.alloc(2);
  count.writeUInt16BE(values.length);
  const parts = values.map((value) => {
    const bytes = Buffer.from(value ?? "");
    const size = Buffer.alloc(4);
    size.writeInt32BE(value === null ? -1 : bytes.length);
    return Buffer.concat([size, bytes]);
  });
  return message("D", Buffer.concat([count, ...parts]));
}

const texts = [null, "", "a", "sec_01hzzzzzzzzzzzzzzzzzzzzzzz", "{}", "ä€😀", "D\0\0\0\x04", "x".repeat(5000)];

function randomMessages(random: SeededRandom): Buffer[] {
  return Array.from({ length: 50 }, () =>
    random.chance(0.2)
      ? message("C", Buffer.from("SELECT 1\0"))
      : row(Array.from({ length: random.integer(6) }, () => random.oneOf(texts))),
  );
}

function inPieces(bytes: Buffer, random: SeededRandom, sizeMax: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + random.integer(sizeMax);
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

it.each([3, 40, 100_000])(
  "rows are the driver's, in their order among other messages, in pieces of up to %i bytes",
  (sizeMax) => {
    const random = seededRandom(sizeMax);
    let own = 0;
    for (let round = 0; round < 20; round++) {
      const pieces = inPieces(Buffer.concat(randomMessages(random)), random, sizeMax);
      const read = readByCoffer(pieces);
      own += read.own;
      expect(read.seen).toEqual(readByDriver(pieces));
    }
    expect(own).toBeGreaterThan(100);
  },
);

it.each<[string, Buffer]>([
  ["values end before the row", message("D", Buffer.from([0, 1, 0, 0, 0, 1, 65, 66]))],
  ["a value is longer than the row", message("D", Buffer.from([0, 1, 0, 0, 0, 9, 65]))],
  ["a value has a negative length", message("D", Buffer.from([0, 1, 255, 255, 255, 254]))],
  ["there are fewer values than announced", message("D", Buffer.from([0, 2, 0, 0, 0, 1, 65]))],
  ["there is no count", message("D", Buffer.from([0]))],
])("a row is left to the driver if %s", (_, bytes) => {
  const passedOn: Buffer[] = [];
  const rows: unknown[] = [];
  const take = createRowReader(
    (values) => rows.push(values),
    (other) => passedOn.push(other),
  );
  take(bytes);
  expect(rows).toEqual([]);
  expect(Buffer.concat(passedOn)).toEqual(bytes);
});
