// The client of the proxy: the token that it presents, the address that it comes from, and the host that it asks for.
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type Destination, valuesOf } from "../domain/egress/framing.ts";

/** A client's way through the proxy, for as long as its tunnel is open. */
export interface ClientRoute extends Destination {
  token: string;
  address: string;
}

/** The token of the Proxy-Authorization header. */
export function proxyToken({ rawHeaders }: IncomingMessage): string | undefined {
  return tokenIn(valuesOf(rawHeaders, "proxy-authorization"));
}

/** The token of the Authorization header, for requests to the proxy itself. */
export function ownToken({ rawHeaders }: IncomingMessage): string | undefined {
  return tokenIn(valuesOf(rawHeaders, "authorization"));
}

/** Reads a bearer token, or the password of any user. */
function tokenIn([value = "", ...others]: readonly string[]): string | undefined {
  if (others.length > 0) return undefined;
  const bearer = /^bearer +(\S+) *$/i.exec(value)?.[1];
  if (bearer !== undefined) return bearer;
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(value)?.[1];
  if (encoded === undefined) return undefined;
  const [, ...password] = Buffer.from(encoded, "base64").toString("utf8").split(":");
  return password.join(":");
}

/** Returns an IPv4 address in its own form, also on a listener for both families. */
export function addressOf(socket: Duplex): string {
  const { remoteAddress = "" } = socket as { remoteAddress?: string };
  return remoteAddress.replace(/^::ffff:(?=\d+\.)/, "");
}
