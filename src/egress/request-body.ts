// The body of a request on its way to the host: searched for placeholders, which have no place there, and cut off before one is whole.
import type { ClientRequest } from "node:http";
import { createFinder } from "../domain/egress/scrubber.ts";
import type { Course, Exchange } from "./exchange.ts";
import { pump } from "./pump.ts";

export const bodyBytesMax = 2 ** 31;

export function sendBody({ request, record, ready }: Exchange, sent: ClientRequest, course: Course): void {
  const { bindings } = ready.sandbox;
  const find = createFinder(bindings.map(({ placeholder }) => placeholder));
  pump(request, sent, {
    each: (chunk) => {
      if (course.isOver()) return undefined;
      const found = find(chunk);
      if (found !== undefined) {
        const binding = bindings.find(({ placeholder }) => placeholder === found);
        course.fail(binding?.rule ? "credential_misplaced" : "credential_revoked", binding?.secretId);
        return undefined;
      }
      if (!course.count("requestBytes", chunk.byteLength)) return undefined;
      if (record.requestBytes <= bodyBytesMax) return chunk;
      course.fail("body_too_large");
      return undefined;
    },
  });
}
