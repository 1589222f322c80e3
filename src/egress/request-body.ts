// Passes the body of a request to the host, and ends the request before a placeholder in the body is sent.
import type { ClientRequest, IncomingMessage } from "node:http";
import type { EgressBinding } from "../domain/egress/sandbox.ts";
import { createFinder } from "../domain/egress/scrubber.ts";
import type { ProxiedRequest } from "./proxied-request.ts";
import { pump } from "./pump.ts";

export const bodyBytesMax = 2 ** 31;

export function sendBody(
  request: IncomingMessage,
  sent: ClientRequest,
  bindings: readonly EgressBinding[],
  proxied: ProxiedRequest,
): void {
  const find = createFinder(bindings.map(({ placeholder }) => placeholder));
  pump(request, sent, {
    each: (chunk) => {
      if (proxied.isDecided()) return undefined;
      const found = find(chunk);
      if (found !== undefined) {
        const binding = bindings.find(({ placeholder }) => placeholder === found);
        proxied.fail(binding?.rule ? "credential_misplaced" : "credential_revoked", binding?.secretId);
        return undefined;
      }
      if (!proxied.count("requestBytes", chunk.byteLength)) return undefined;
      if (proxied.requestBytes() <= bodyBytesMax) return chunk;
      proxied.fail("body_too_large");
      return undefined;
    },
  });
}
