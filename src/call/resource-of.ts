// The header that marks the answer to a repeated call.
import type { HandlerContext } from "@connectrpc/connect";
import type { MutationResult } from "../steps/mutation.ts";

/** Returns the resource of an outcome. Sets the header `Idempotency-Replayed` if the call was a repeated one. */
export function resourceOf<T>(context: HandlerContext, { resource, replayed }: MutationResult<T>): T {
  if (replayed) context.responseHeader.set("idempotency-replayed", "true");
  return resource;
}
