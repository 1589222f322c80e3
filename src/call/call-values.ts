// The values of one call, by their keys. Connect's own values make three closures a call, and change their shape with each new key.
import type { ContextKey, ContextValues } from "@connectrpc/connect";
import { callerKey } from "./caller.ts";
import { admissionKey, isCallKey, peerKey, requestIdKey } from "./context.ts";

/** Returns values for one call. */
export function createCallValues(): ContextValues {
  return new CallValues();
}

class CallValues implements ContextValues {
  // The keys of every call, so that all calls have one shape.
  [requestIdKey.id]: unknown = undefined;
  [peerKey.id]: unknown = undefined;
  [admissionKey.id]: unknown = undefined;
  [isCallKey.id]: unknown = undefined;
  [callerKey.id]: unknown = undefined;
  [key: symbol]: unknown;

  get<T>({ id, defaultValue }: ContextKey<T>): T {
    const value = this[id];
    return value === undefined ? defaultValue : (value as T);
  }

  set<T>({ id }: ContextKey<T>, value: T): this {
    this[id] = value;
    return this;
  }

  delete({ id }: ContextKey<unknown>): this {
    this[id] = undefined;
    return this;
  }
}
