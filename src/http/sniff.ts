// Detects HTTP/2 or HTTP/1.1 on a plain socket by its first bytes, and puts them back.
import type { Socket } from "node:net";

const prefaceStart = "PRI";

/** Calls `onProtocol` once. Destroys the socket instead if the peer sends nothing in time or disconnects. */
export function sniffProtocol(
  socket: Socket,
  timeoutMs: number,
  onProtocol: (protocol: "http1" | "http2") => void,
): void {
  let received = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  const stop = () => {
    clearTimeout(timer);
    socket.off("data", onData).off("end", onEnd).off("close", stop);
  };
  const onEnd = () => socket.destroy();
  const onData = (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const start = received.toString("latin1", 0, prefaceStart.length);
    if (start.length < prefaceStart.length && prefaceStart.startsWith(start)) return;
    stop();
    socket.pause();
    socket.unshift(received);
    onProtocol(start === prefaceStart ? "http2" : "http1");
  };
  socket.on("data", onData).on("end", onEnd).on("close", stop);
}
