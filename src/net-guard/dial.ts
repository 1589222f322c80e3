// Connects to a checked address of a host, so that a second look-up cannot lead elsewhere.
import { once } from "node:events";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type SecureContext } from "node:tls";
import { isSameAddress } from "./addresses.ts";
import { OutboundError } from "./errors.ts";
import { checkedAddresses, type NetGuard } from "./guard.ts";

// A host with more addresses could delay a request for ever.
const addressesTriedMax = 3;
/** TCP sends keep-alive probes after this time without data. */
export const keepAliveDelayMs = 30_000;

export interface DialOptions {
  /** Aborts the attempt. */
  signal: AbortSignal;
  /** The time limit of each address but the last, so that the next one is tried before the signal. */
  attemptMs: number;
  /** The trusted root certificates; the system's by default. */
  secureContext?: SecureContext;
}

/** Connects to the URL's host and port; with TLS for https, with the host as server name. Fails with an OutboundError. */
export async function dial(
  guard: NetGuard,
  url: URL,
  { signal, attemptMs, secureContext }: DialOptions,
): Promise<Socket> {
  const host = hostOf(url);
  const addresses = await within(signal, checkedAddresses(guard, host));
  let failure: unknown;
  const tried = addresses.slice(0, addressesTriedMax);
  for (const [i, address] of tried.entries()) {
    const isLast = i === tried.length - 1;
    const attempt = isLast ? signal : AbortSignal.any([signal, AbortSignal.timeout(attemptMs)]);
    try {
      const socket = await dialAddress(address, portOf(url), attempt);
      return url.protocol === "https:" ? await secure(socket, host, attempt, secureContext) : socket;
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
  }
  throw failure instanceof OutboundError ? failure : new OutboundError("UNREACHABLE", failure);
}

async function dialAddress(address: string, port: number, signal: AbortSignal): Promise<Socket> {
  const socket = connectTcp({ host: address, port, keepAlive: true, keepAliveInitialDelay: keepAliveDelayMs });
  return settled(socket, async () => {
    await once(socket, "connect", { signal });
    if (!isSameAddress(socket.remoteAddress ?? "", address)) throw new OutboundError("ADDRESS_REFUSED");
    return socket;
  });
}

async function secure(
  socket: Socket,
  host: string,
  signal: AbortSignal,
  secureContext?: SecureContext,
): Promise<Socket> {
  // An address is not a valid server name (RFC 6066), but the certificate must contain it.
  const secured = connectTls({
    socket,
    host,
    ALPNProtocols: ["http/1.1"],
    ...(secureContext ? { secureContext } : {}),
    ...(isIP(host) ? {} : { servername: host }),
  });
  return settled(secured, async () => {
    await once(secured, "secureConnect", { signal });
    return secured;
  });
}

/** Closes a socket that is not returned, and ignores its errors. */
async function settled(socket: Socket, connected: () => Promise<Socket>): Promise<Socket> {
  try {
    return await connected();
  } catch (error) {
    socket.on("error", () => {});
    socket.destroy();
    throw error;
  }
}

async function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

function portOf({ port, protocol }: URL): number {
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}
