// The reasons why an outbound request got no answer.

export type OutboundFailure =
  /** An address of the host is not on the public internet, and no setting allows it. */
  | "ADDRESS_REFUSED"
  | "NAME_UNRESOLVED"
  | "UNREACHABLE"
  | "TIMED_OUT"
  | "ANSWER_TOO_LARGE"
  /** The caller's signal aborted it. */
  | "ABORTED";

/** The message never contains a header, a body or a query, because they may hold a credential. */
export class OutboundError extends Error {
  override readonly name = "OutboundError";
  readonly failure: OutboundFailure;

  constructor(failure: OutboundFailure, cause?: unknown) {
    super(failure.toLowerCase().replaceAll("_", " "), cause === undefined ? {} : { cause });
    this.failure = failure;
  }
}
