// Runs one unary call of any protocol through its steps.
import { create, type DescMessage, type DescMethod, type MessageShape } from "@bufbuild/protobuf";
import type { MethodImplSpec, ServiceImplSpec } from "@connectrpc/connect";
import type { Invoke } from "../call/invoke.ts";
import { CofferError, failOn } from "../domain/error/errors.ts";
import { UnaryCall } from "./unary-call.ts";

type Message = MessageShape<DescMessage>;
type Implementation = (call: UnaryCall) => Promise<Message>;

export interface CallSteps {
  /** Runs the implementation between the steps before and after it. Fails with the error that the caller may see. */
  run(call: UnaryCall, implementation: Implementation): Promise<Message>;
}

/** Returns the function that calls the methods of `services` through the steps; without any, immediately. */
export function createInvoke(services: readonly ServiceImplSpec[], steps?: CallSteps): Invoke {
  const implementations = new Map(
    unaryMethodsOf(services).map((spec) => [spec.method as DescMethod, implementationOf(spec)] as const),
  );
  return async (method, message, request) => {
    const implementation = implementations.get(method);
    if (!implementation) throw new CofferError("METHOD_UNIMPLEMENTED", "the method is not found");
    const call = new UnaryCall(method, message, request);
    const answer = steps ? steps.run(call, implementation) : implementation(call);
    const response = await (call.deadlineMs === undefined ? answer : untilDeadline(answer, call));
    return { message: response, header: call.responseHeader, trailer: call.givenTrailer };
  };
}

/** Calls the implementations of `services` without the steps. They must be made for dry runs. */
export function createDryCall(services: readonly ServiceImplSpec[]): (call: UnaryCall) => Promise<unknown> {
  const specs = new Map(unaryMethodsOf(services).map((spec) => [spec.method as DescMethod, spec] as const));
  return async (call) => {
    await specs.get(call.method)?.impl(call.message, call);
  };
}

type UnarySpec = MethodImplSpec & { kind: "unary" };

function unaryMethodsOf(services: readonly ServiceImplSpec[]): UnarySpec[] {
  return services.flatMap(({ methods }) => Object.values(methods)).filter((spec) => spec.kind === "unary");
}

function implementationOf({ method: { output }, impl }: UnarySpec): Implementation {
  return async (call) => {
    // The steps refuse such a call. Check again: an operation must never run with a part of a message.
    failOn(call.shape?.violations ?? []);
    // The caller already gets an error for this call.
    if ((call.timeoutMs() ?? 1) <= 0) throw deadlineExceeded();
    return create(output, await impl(call.message, call));
  };
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
