// Why a request to the outside brought no answer.

export type OutboundFailure =
  /** An address of the host is not on the public internet, and no setting allows it. */
  | "ADDRESS_REFUSED"
  | "NAME_UNRESOLVED"
  | "UNREACHABLE"
  | "TIMED_OUT"
  | "ANSWER_TOO_LARGE"
  /** The caller's signal ended it. */
  | "ABORTED";

/** Its message names no header, no body and no query: those may hold a credential. */
export class OutboundError extends Error {
  override readonly name = "OutboundError";
  readonly failure: OutboundFailure;

  constructor(failure: OutboundFailure, cause?: unknown) {
    super(failure.toLowerCase().replaceAll("_", " "), cause === undefined ? {} : { cause });
    this.failure = failure;
  }
}
