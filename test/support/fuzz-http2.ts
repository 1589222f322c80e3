// Sequences of HTTP/2 frames, valid and broken, on a few streams.
import { mutated } from "./fuzz.ts";
import { flags, frame, frameTypes, preface, requestBlock, uint32 } from "./http2-frames.ts";
import type { SeededRandom } from "./seeded-random.ts";

export interface Http2Words {
  paths: readonly string[];
  /** Headers that make requests get further. */
  headers: readonly (readonly [name: string, value: string])[];
}

const others: readonly (readonly [string, string])[] = [
  ["expect", "100-continue"],
  ["content-length", "2"],
  ["content-length", "9"],
  ["te", "trailers"],
  ["connection", "close"],
  ["X-Upper", "a"],
  ["content-encoding", "gzip"],
  ["grpc-timeout", "1n"],
  ["if-match", "*"],
  ["", "no name"],
  [":path", "/again"],
];

/** The frames of one connection. */
export function http2Bytes(random: SeededRandom, words: Http2Words): Buffer {
  const frames = Array.from({ length: 1 + random.integer(24) }, () => anyFrame(random, words));
  const opening = random.chance(0.95) ? [preface, frame(frameTypes.settings, 0, 0)] : [preface];
  const bytes = Buffer.concat([...opening, ...frames]);
  return random.chance(0.3) ? Buffer.concat([preface, mutated(bytes.subarray(preface.byteLength), random)]) : bytes;
}

function anyFrame(random: SeededRandom, words: Http2Words): Buffer {
  const id = random.chance(0.9) ? 1 + 2 * random.integer(5) : random.integer(8);
  switch (random.integer(12)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return headersFrame(random, words, id);
    case 4:
      return dataFrame(random, id);
    case 5:
      return frame(frameTypes.rstStream, 0, id, random.chance(0.9) ? uint32(random.integer(15)) : random.bytes(3));
    case 6:
      return frame(
        frameTypes.windowUpdate,
        0,
        random.chance(0.5) ? 0 : id,
        uint32(random.oneOf([0, 1, 65_535, 2 ** 31 - 1])),
      );
    case 7:
      return frame(
        frameTypes.ping,
        random.integer(2),
        random.chance(0.9) ? 0 : id,
        random.bytes(random.oneOf([8, 8, 8, 3])),
      );
    case 8:
      return settingsFrame(random);
    case 9:
      return frame(frameTypes.goaway, 0, 0, random.bytes(random.oneOf([8, 8, 12, 4])));
    case 10:
      return frame(frameTypes.priority, 0, id, random.bytes(random.oneOf([5, 5, 4])));
    default:
      return frame(random.integer(16), random.integer(256), random.integer(12), random.bytes(random.integer(40)));
  }
}

function headersFrame(random: SeededRandom, { paths, headers }: Http2Words, id: number): Buffer {
  const method = random.oneOf(["GET", "POST", "POST", "POST", "DELETE", "CONNECT", "HEAD"]);
  const block = requestBlock(method, random.oneOf(paths), [
    ...headers.filter(() => random.chance(0.7)),
    ...others.filter(() => random.chance(0.15)),
  ]);
  const end = random.chance(0.3) ? flags.endStream : 0;
  if (random.chance(0.85)) return frame(frameTypes.headers, flags.endHeaders | end, id, block);
  const at = random.integer(block.byteLength);
  return Buffer.concat([
    frame(frameTypes.headers, end, id, block.subarray(0, at)),
    frame(frameTypes.continuation, flags.endHeaders, id, block.subarray(at)),
  ]);
}

function dataFrame(random: SeededRandom, id: number): Buffer {
  const body = random.oneOf([
    Buffer.from("{}"),
    Buffer.alloc(0),
    Buffer.from([0, 0, 0, 0, 0]),
    random.bytes(random.integer(200)),
  ]);
  const end = random.integer(2);
  // Padding longer than the frame is an error of the whole connection.
  return random.chance(0.9)
    ? frame(frameTypes.data, end, id, body)
    : frame(frameTypes.data, end | flags.padded, id, Buffer.from([random.integer(12), ...body]));
}

function settingsFrame(random: SeededRandom): Buffer {
  if (random.chance(0.2)) return frame(frameTypes.settings, flags.ack, 0, random.bytes(random.oneOf([0, 0, 6])));
  const setting = Buffer.alloc(6);
  setting.writeUInt16BE(random.integer(8));
  setting.writeUInt32BE(random.oneOf([0, 1, 100, 65_535, 2 ** 31 - 1, 2 ** 32 - 1]), 2);
  return frame(frameTypes.settings, 0, 0, random.chance(0.9) ? setting : setting.subarray(0, 5));
}
