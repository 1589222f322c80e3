// Two connections as one, for as long as the sandbox may: it is judged again while they are open.
import type { Duplex } from "node:stream";
import { isLetIn } from "../domain/egress/sandbox.ts";
import { authenticateSandbox } from "../operations/egress/authenticate-sandbox.ts";
import type { EgressParts } from "./parts.ts";
import type { Visit } from "./prepare.ts";
import type { Record } from "./record.ts";

export interface Joined {
  record: Record;
  /** Of which the sandbox must still hold the placeholders. */
  secretIds: readonly string[];
}

/** Resolves when both are closed. */
export async function join(
  parts: EgressParts,
  visit: Visit,
  client: Duplex,
  upstream: Duplex,
  { record, secretIds }: Joined,
): Promise<void> {
  const { idleMs, requestMs, recheckMs } = parts.timeouts;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => {
    clearTimeout(idle);
    clearTimeout(whole);
    clearInterval(recheck);
    client.destroy();
    upstream.destroy();
    resolve();
  };
  const idle = setTimeout(end, idleMs);
  const whole = setTimeout(end, requestMs);
  const recheck = setInterval(() => {
    mayGoOn(parts, visit, secretIds).then(
      (may) => may || end(),
      (error: unknown) => {
        parts.onUnexpectedError(error);
        end();
      },
    );
  }, recheckMs);
  client.on("data", (chunk: Buffer) => {
    idle.refresh();
    record.requestBytes += chunk.byteLength;
  });
  upstream.on("data", (chunk: Buffer) => {
    idle.refresh();
    record.responseBytes += chunk.byteLength;
  });
  for (const side of [client, upstream]) {
    side.on("error", end);
    side.on("close", end);
  }
  client.pipe(upstream);
  upstream.pipe(client);
  return promise;
}

async function mayGoOn(parts: EgressParts, { token, address }: Visit, secretIds: readonly string[]): Promise<boolean> {
  const sandbox = await authenticateSandbox(parts, token, address);
  if (!sandbox) return false;
  const mayUse = (id: string) =>
    sandbox.bindings.some((each) => each.secretId === id && each.rule && isLetIn(each, sandbox, address));
  return secretIds.every(mayUse);
}
