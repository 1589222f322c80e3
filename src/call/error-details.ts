// A CofferError as google.rpc describes errors: a code and typed details.
import { create, type DescMessage, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack, durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code } from "../../gen/google/rpc/code_pb.ts";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.ts";
import { type Status, StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import { type CodeName, reasons } from "../domain/error/error-reasons.ts";
import type { CofferError } from "../domain/error/errors.ts";

const errorDomain = "coffer";

const codes: Record<CodeName, Code> = {
  INVALID_ARGUMENT: Code.INVALID_ARGUMENT,
  UNAUTHENTICATED: Code.UNAUTHENTICATED,
  PERMISSION_DENIED: Code.PERMISSION_DENIED,
  NOT_FOUND: Code.NOT_FOUND,
  ALREADY_EXISTS: Code.ALREADY_EXISTS,
  ABORTED: Code.ABORTED,
  FAILED_PRECONDITION: Code.FAILED_PRECONDITION,
  RESOURCE_EXHAUSTED: Code.RESOURCE_EXHAUSTED,
  DEADLINE_EXCEEDED: Code.DEADLINE_EXCEEDED,
  CANCELED: Code.CANCELLED,
  UNIMPLEMENTED: Code.UNIMPLEMENTED,
  UNAVAILABLE: Code.UNAVAILABLE,
  DATA_LOSS: Code.DATA_LOSS,
  INTERNAL: Code.INTERNAL,
};

export function codeOf(error: CofferError): Code {
  return codes[reasons[error.reason].code];
}

export interface ErrorDetail {
  desc: DescMessage;
  value: Message;
}

/** Returns exactly one ErrorInfo, and the other details that apply. */
export function detailsOf(error: CofferError): ErrorDetail[] {
  const { reason, metadata, violations, retryDelayMs, resource } = error;
  const details = [detail(ErrorInfoSchema, { reason, domain: errorDomain, metadata: { ...metadata } })];
  if (violations.length > 0) details.push(detail(BadRequestSchema, { fieldViolations: [...violations] }));
  if (retryDelayMs !== undefined) details.push(detail(RetryInfoSchema, { retryDelay: durationFromMs(retryDelayMs) }));
  if (reason === "RATE_LIMITED" || reason === "QUOTA_EXCEEDED") {
    const violation = { subject: metadata["subject"] ?? "", description: error.message };
    details.push(detail(QuotaFailureSchema, { violations: [violation] }));
  }
  if (resource) {
    details.push(detail(ResourceInfoSchema, { resourceType: resource.type, resourceName: resource.name }));
  }
  return details;
}

/** Returns the error as one message, for answers that hold several outcomes. */
export function statusOf(error: CofferError): Status {
  return create(StatusSchema, {
    code: codeOf(error),
    message: error.message,
    details: detailsOf(error).map(({ desc, value }) => anyPack(desc, value)),
  });
}

function detail<Desc extends DescMessage>(desc: Desc, init: MessageInitShape<Desc>): ErrorDetail {
  return { desc, value: create(desc, init) };
}
