// The authenticated caller of a call. rpc/ puts it beside the message, and surfaces pass it to operations.
import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import { CofferError } from "../domain/error/errors.ts";
import type { Caller } from "../domain/workspace/caller.ts";

/** Undefined before authentication, and for methods that need no credential. */
export const callerKey = createContextKey<Caller | undefined>(undefined, { description: "caller" });

export function callerOf(context: Pick<HandlerContext, "values">): Caller {
  const caller = context.values.get(callerKey);
  if (!caller) throw new CofferError("CREDENTIAL_MISSING", "a credential is required");
  return caller;
}
