// What answers say beside their messages.
import type { HandlerContext } from "@connectrpc/connect";
import type { Outcome } from "../steps/mutation.ts";

/** The resource of an outcome; a replay is told by the header `Idempotency-Replayed`. */
export function resourceOf<T>(context: HandlerContext, { resource, replayed }: Outcome<T>): T {
  if (replayed) context.responseHeader.set("idempotency-replayed", "true");
  return resource;
}
