// Calls with an idempotency key, and whether their answers were replays.
import type { CallOptions } from "@connectrpc/connect";

/** Makes a call with a key. */
export async function withKey<T>(
  key: string,
  call: (options: CallOptions) => Promise<T>,
): Promise<{ answer: T; replayed: boolean }> {
  let replayed = false;
  const answer = await call({
    headers: { "idempotency-key": key },
    onHeader: (header) => {
      replayed = header.get("idempotency-replayed") === "true";
    },
  });
  return { answer, replayed };
}

/** Makes the same call twice with one key. */
export async function twice<T>(key: string, call: (options: CallOptions) => Promise<T>) {
  return { first: await withKey(key, call), second: await withKey(key, call) };
}
