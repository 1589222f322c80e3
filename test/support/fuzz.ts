// Sends what a generator makes over many connections at once, until a time has passed.
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type SeededRandom, seededRandom } from "./seeded-random.ts";

export interface FuzzOptions {
  seed: number;
  durationMs: number;
  connections: number;
  open?: (random: SeededRandom) => Promise<Socket>;
  port: number;
  /** Everything that is sent on one connection. */
  make: (random: SeededRandom) => Buffer;
}

/** How many connections were made. */
export async function fuzz({ seed, durationMs, connections, port, make, open }: FuzzOptions): Promise<number> {
  const end = performance.now() + durationMs;
  const connectPlain = async () => connect(port, "127.0.0.1");
  let made = 0;
  const worker = async (index: number) => {
    const random = seededRandom(seed + index);
    while (performance.now() < end) {
      made++;
      const socket = await (open ?? connectPlain)(random);
      await sendInPieces(socket, make(random), random);
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, index) => worker(index)));
  return made;
}

/** Also cut off, and left in every way in which a client may leave. */
async function sendInPieces(socket: Socket, bytes: Buffer, random: SeededRandom): Promise<void> {
  socket.on("error", () => {});
  socket.resume();
  const sent = random.chance(0.1) ? bytes.subarray(0, random.integer(bytes.byteLength + 1)) : bytes;
  const pieces = random.chance(0.6) ? 1 : 1 + random.integer(5);
  const step = Math.ceil(sent.byteLength / pieces) || 1;
  for (let at = 0; at < sent.byteLength && !socket.destroyed; at += step) {
    socket.write(sent.subarray(at, at + step));
    if (pieces > 1) await sleep(random.integer(3));
  }
  const leave = random.integer(4);
  // TLS has no reset of its own.
  if (leave === 0 && !("encrypted" in socket)) socket.resetAndDestroy();
  else if (leave === 1) socket.end();
  await Promise.race([
    new Promise<void>((resolve) => {
      if (socket.destroyed) resolve();
      else socket.once("close", () => resolve());
    }),
    sleep(leave === 2 ? 0 : random.integer(60), undefined, { ref: false }),
  ]);
  socket.destroy();
}

/** With a few bytes changed, doubled or left out. */
export function mutated(bytes: Buffer, random: SeededRandom): Buffer {
  const copy = Buffer.from(bytes);
  for (let count = random.integer(4); count > 0 && copy.byteLength > 0; count--) {
    copy[random.integer(copy.byteLength)] = random.integer(256);
  }
  if (random.chance(0.7)) return copy;
  const at = random.integer(copy.byteLength + 1);
  const length = random.integer(20);
  return random.chance(0.5)
    ? Buffer.concat([copy.subarray(0, at), copy.subarray(at + length)])
    : Buffer.concat([copy.subarray(0, at + length), copy.subarray(at)]);
}
