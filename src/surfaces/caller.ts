// The authenticated caller of a call: rpc/ puts it beside the message, surfaces hand it to operations.
import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Caller } from "../domain/caller.ts";
import { CofferError } from "../domain/errors.ts";

/** Undefined before authentication, and for methods that need none. */
export const callerKey = createContextKey<Caller | undefined>(undefined, { description: "caller" });

export function callerOf(context: Pick<HandlerContext, "values">): Caller {
  const caller = context.values.get(callerKey);
  if (!caller) throw new CofferError("CREDENTIAL_MISSING", "a credential is required");
  return caller;
}
