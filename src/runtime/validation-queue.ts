// Tries credentials in the background, a few at a time. Entries that are lost are still due in the database, and a job finds them.
import type { SecretKey } from "../store/validations.ts";

export interface ValidationQueue {
  /** Tries the secret soon, if it is due. Never waits and never fails. */
  enqueue(secret: SecretKey): void;
  /** Ends the running tries and begins no others. Their secrets stay due. */
  close(): Promise<void>;
}

const atOnceMax = 4;
const waitingMax = 1_000;

export interface ValidationWork {
  /** Whether this instance tries credentials. */
  isOn: boolean;
  tryIfDue(secret: SecretKey, signal: AbortSignal): Promise<void>;
  /** Called with coffer's own errors, which leave the secret due. */
  onFailed(error: unknown): void;
}

export function createValidationQueue({ isOn, tryIfDue, onFailed }: ValidationWork): ValidationQueue {
  const waiting = new Map<string, SecretKey>();
  const running = new Set<Promise<void>>();
  const stopping = new AbortController();

  async function work(): Promise<void> {
    // Answers the call first.
    await new Promise((resolve) => setImmediate(resolve));
    for (let next = first(waiting); next && !stopping.signal.aborted; next = first(waiting)) {
      waiting.delete(keyOf(next));
      await tryIfDue(next, stopping.signal).catch(onFailed);
    }
  }

  return {
    enqueue(secret) {
      if (!isOn || stopping.signal.aborted || waiting.size >= waitingMax) return;
      waiting.set(keyOf(secret), secret);
      if (running.size >= atOnceMax) return;
      const worker: Promise<void> = work().finally(() => void running.delete(worker));
      running.add(worker);
    },
    async close() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

function keyOf({ workspaceId, secretId }: SecretKey): string {
  return `${workspaceId} ${secretId}`;
}

function first(waiting: ReadonlyMap<string, SecretKey>): SecretKey | undefined {
  return waiting.values().next().value;
}
