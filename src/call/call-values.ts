// The values of one call, by their keys. Connect's own values make three closures a call, and change their shape with each new key.
import type { ContextKey, ContextValues } from "@connectrpc/connect";

/** Returns values for one call. */
export function createCallValues(): ContextValues {
  return new CallValues();
}

class CallValues implements ContextValues {
  readonly #values = new Map<symbol, unknown>();

  get<T>({ id, defaultValue }: ContextKey<T>): T {
    const value = this.#values.get(id);
    return value === undefined ? defaultValue : (value as T);
  }

  set<T>({ id }: ContextKey<T>, value: T): this {
    this.#values.set(id, value);
    return this;
  }

  delete({ id }: ContextKey<unknown>): this {
    this.#values.delete(id);
    return this;
  }
}
