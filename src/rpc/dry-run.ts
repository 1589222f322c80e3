// Runs only the part of an operation that checks its request, to find every rule of coffer's own that the request breaks.
import { CofferError, type FieldViolation } from "../domain/error/errors.ts";
import type { UnaryCall } from "./unary-call.ts";

/** Returns the broken rules of a request that is refused anyway. Changes, reads and records nothing. */
export type DryRun = (call: UnaryCall) => Promise<readonly FieldViolation[]>;

/** Ends a dry run at the first use of a part that is not pure. */
class DryRunEnded extends Error {}

function end(): never {
  throw new DryRunEnded();
}

// Every use of it ends the dry run.
const unavailable = new Proxy(end, { get: end, set: end, has: end, ownKeys: end, construct: end });

/** Returns the parts for a dry run: the use of a part that is not pure ends it. */
export function onlyPure<T extends object>(parts: T, pure: readonly (keyof T)[]): T {
  const isPure = new Set<PropertyKey>(pure);
  return new Proxy(parts, { get: (target, name) => (isPure.has(name) ? Reflect.get(target, name) : unavailable) });
}

/** `run` runs the operations on parts that `onlyPure` made. */
export function createDryRun(run: (call: UnaryCall) => Promise<unknown>): DryRun {
  return async (call) => {
    try {
      await run(call);
    } catch (error) {
      if (error instanceof CofferError && error.reason === "FIELD_INVALID") return error.violations;
    }
    return [];
  };
}
