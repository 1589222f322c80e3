// Values on their way into requests: opened once for all requests of a sandbox within a second, then overwritten.
import type { JudgedBinding, JudgedSandbox } from "../domain/egress/sandbox.ts";
import type { Sensitive } from "../domain/sensitive.ts";

export interface OpenRequest {
  requestId: string;
  address: string;
}

type Used = Pick<JudgedBinding, "secretId" | "currentVersion">;

export interface Values {
  /** The value as text. Fails as `openForEgress` does. */
  get(sandbox: JudgedSandbox, binding: Used, request: OpenRequest): Promise<string>;
  clear(): void;
}

/** With the sandbox's record, which is as old at most, a change is effective within two seconds. */
const keptMs = 1_000;

export function createValues(
  open: (sandbox: JudgedSandbox, binding: Used, request: OpenRequest) => Promise<Sensitive>,
): Values {
  const kept = new Map<string, { value: Promise<Sensitive>; timer: NodeJS.Timeout }>();

  function drop(key: string): void {
    const entry = kept.get(key);
    if (!entry) return;
    kept.delete(key);
    clearTimeout(entry.timer);
    // After those who are waiting for it.
    entry.value.then(
      (value) => setImmediate(() => value.zero()),
      () => {},
    );
  }

  return {
    async get(sandbox, binding, request) {
      const key = `${sandbox.workspaceId} ${sandbox.sandboxId} ${binding.secretId} ${binding.currentVersion}`;
      let entry = kept.get(key);
      if (!entry) {
        entry = { value: open(sandbox, binding, request), timer: setTimeout(() => drop(key), keptMs).unref() };
        kept.set(key, entry);
        entry.value.catch(() => drop(key));
      }
      return Buffer.from((await entry.value).reveal()).toString("utf8");
    },
    clear() {
      for (const key of kept.keys()) drop(key);
    },
  };
}
