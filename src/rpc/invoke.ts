// Runs one unary call of any protocol through its steps.
import { create, type DescMethod } from "@bufbuild/protobuf";
import type { MethodImplSpec, ServiceImplSpec } from "@connectrpc/connect";
import type { CallResult, Invoke } from "../call/invoke.ts";
import { CofferError, failOn } from "../domain/error/errors.ts";
import { UnaryCall } from "./unary-call.ts";

export interface CallSteps {
  /** Runs a method between the steps before and after it. Fails with the error that the caller may see. */
  run(call: UnaryCall, spec: UnarySpec): Promise<CallResult>;
}

/** Returns the function that calls the methods of `services` through the steps; without any, immediately. */
export function createInvoke(services: readonly ServiceImplSpec[], steps: CallSteps = { run: runMethod }): Invoke {
  const specs = specsOf(services);
  return (method, message, request) => {
    const spec = specs.get(method);
    if (!spec) throw new CofferError("METHOD_UNIMPLEMENTED", "the method is not found");
    const call = new UnaryCall(method, message, request);
    const result = steps.run(call, spec);
    return call.deadlineMs === undefined ? result : untilDeadline(result, call);
  };
}

/** Calls the implementations of `services` without the steps. They must be made for dry runs. */
export function createDryCall(services: readonly ServiceImplSpec[]): (call: UnaryCall) => Promise<unknown> {
  const specs = specsOf(services);
  return async (call) => {
    await specs.get(call.method)?.impl(call.message, call);
  };
}

export type UnarySpec = MethodImplSpec & { kind: "unary" };

function specsOf(services: readonly ServiceImplSpec[]): ReadonlyMap<DescMethod, UnarySpec> {
  const specs = services.flatMap(({ methods }) => Object.values(methods)).filter((spec) => spec.kind === "unary");
  return new Map(specs.map((spec) => [spec.method, spec]));
}

/** Runs a method without the steps. */
export async function runMethod(call: UnaryCall, { method: { output }, impl }: UnarySpec): Promise<CallResult> {
  // The steps refuse such a call. Check again: an operation must never run with a part of a message.
  failOn(call.shape?.violations ?? []);
  // The caller already gets an error for this call.
  if ((call.timeoutMs() ?? 1) <= 0) throw deadlineExceeded();
  const message = create(output, await impl(call.message, call));
  return { message, header: call.responseHeader, trailer: call.givenTrailer };
}

/** Stops waiting at the caller's deadline. A change whose COMMIT was not sent by then is not made. */
async function untilDeadline<T>(answer: Promise<T>, call: UnaryCall): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const onDeadline = () => reject(call.isOutcomeOpen ? outcomeUnknown() : deadlineExceeded());
  const timer = setTimeout(onDeadline, Math.max(0, call.timeoutMs() ?? 0));
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
    answer.catch(() => {});
  }
}

function deadlineExceeded(): CofferError {
  return new CofferError("DEADLINE_EXCEEDED", "the call's deadline has passed");
}

function outcomeUnknown(): CofferError {
  const message = "the call's deadline has passed while its change was committed; retry with the same idempotency key";
  return new CofferError("OUTCOME_UNKNOWN", message, {}, { retryDelayMs: 1_000 });
}
