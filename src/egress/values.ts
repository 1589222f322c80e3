// Opens values once for all requests of a sandbox within a second, then overwrites them.
import type { EgressBinding, EgressSandbox } from "../domain/egress/sandbox.ts";
import type { OpenedForEgress } from "../operations/egress/open-for-egress.ts";

export interface OpenRequest {
  requestId: string;
  address: string;
}

type Used = Pick<EgressBinding, "secretId" | "currentVersion">;

export interface Values {
  /** Returns the value as text. Fails as `openForEgress` does. */
  get(sandbox: EgressSandbox, binding: Used, request: OpenRequest): Promise<string>;
  clear(): void;
}

/** The sandbox's record may be as old. Together a change takes effect within two seconds. */
const keptMs = 1_000;
/** External vaults allow few calls per minute. The rows of the secret are as fresh as those of others. */
const referenceKeptMs = 30_000;

export function createValues(
  open: (sandbox: EgressSandbox, binding: Used, request: OpenRequest) => Promise<OpenedForEgress>,
): Values {
  const kept = new Map<string, { opened: Promise<OpenedForEgress>; timer: NodeJS.Timeout | undefined }>();

  function drop(key: string): void {
    const entry = kept.get(key);
    if (!entry) return;
    kept.delete(key);
    clearTimeout(entry.timer);
    // Later, because callers that wait for the value read it first.
    entry.opened.then(
      ({ value }) => setImmediate(() => value.zero()),
      () => {},
    );
  }

  function begin(key: string, load: () => Promise<OpenedForEgress>): Promise<OpenedForEgress> {
    const entry = { opened: load(), timer: undefined as NodeJS.Timeout | undefined };
    kept.set(key, entry);
    const startMs = performance.now();
    entry.opened.then(
      ({ isReference }) => {
        const leftMs = (isReference ? referenceKeptMs : keptMs) - (performance.now() - startMs);
        entry.timer = setTimeout(() => drop(key), leftMs).unref();
      },
      () => drop(key),
    );
    return entry.opened;
  }

  return {
    async get(sandbox, binding, request) {
      const key = `${sandbox.workspaceId} ${sandbox.sandboxId} ${binding.secretId} ${binding.currentVersion}`;
      const { value } = await (kept.get(key)?.opened ?? begin(key, () => open(sandbox, binding, request)));
      return Buffer.from(value.reveal()).toString("utf8");
    },
    clear() {
      for (const key of kept.keys()) drop(key);
    },
  };
}
