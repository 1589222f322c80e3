// Who is at the door: the token that a client presents, and the address it comes from.
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { valuesOf } from "../domain/egress/framing.ts";

/** That of the Proxy-Authorization header. */
export function proxyToken({ rawHeaders }: IncomingMessage): string | undefined {
  return tokenIn(valuesOf(rawHeaders, "proxy-authorization"));
}

/** That of the Authorization header, for requests to the proxy itself. */
export function ownToken({ rawHeaders }: IncomingMessage): string | undefined {
  return tokenIn(valuesOf(rawHeaders, "authorization"));
}

/** As a bearer, or as the password of whatever user. */
function tokenIn([value = "", ...others]: readonly string[]): string | undefined {
  if (others.length > 0) return undefined;
  const bearer = /^bearer +(\S+) *$/i.exec(value)?.[1];
  if (bearer !== undefined) return bearer;
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(value)?.[1];
  if (encoded === undefined) return undefined;
  const [, ...password] = Buffer.from(encoded, "base64").toString("utf8").split(":");
  return password.join(":");
}

/** An IPv4 address as itself, also on a listener for both families. */
export function addressOf(socket: Duplex): string {
  const { remoteAddress = "" } = socket as { remoteAddress?: string };
  return remoteAddress.replace(/^::ffff:(?=\d+\.)/, "");
}
