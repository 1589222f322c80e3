// The failures of external vaults, in coffer's words, without any part of a credential, a reference or an answer.
import { OutboundError, type OutboundFailure } from "../net-guard/errors.ts";
import type { OutboundAnswer } from "../net-guard/request.ts";

export type VaultFailureReason =
  /** The field, item, project or environment does not exist. */
  | "missing"
  /** More than one thing has this name. */
  | "ambiguous"
  /** The value exists, but is empty, too large or hidden. */
  | "unusable"
  | "unauthorized"
  | "rate_limited"
  | "unreachable"
  | "address_refused"
  | "timed_out"
  | "answer_too_large"
  | "redirected"
  /** The answer is not documented. */
  | "faulty";

export interface VaultFailure {
  reason: VaultFailureReason;
  /** A retry may succeed. */
  isWorthRetrying: boolean;
  /** Milliseconds until a retry, if the vault or the quota shield gives a time. */
  retryAfterMs?: number;
}

/** The error of a failed call to a vault. */
export class VaultError extends Error {
  override readonly name = "VaultError";
  readonly failure: VaultFailure;

  constructor(failure: VaultFailure, cause?: unknown) {
    super(failure.reason, cause === undefined ? {} : { cause });
    this.failure = failure;
  }
}

const words: Readonly<Record<VaultFailureReason, string>> = {
  missing: "the vault has no such field, or none that this connection may see",
  ambiguous: "more than one thing in the vault has this name",
  unusable: "what the vault holds there is empty, too large or hidden",
  unauthorized: "the vault does not accept the credentials of the connection",
  rate_limited: "the vault is asked too often",
  unreachable: "the vault cannot be reached",
  address_refused: "the vault's address is not allowed",
  timed_out: "the vault did not answer in time",
  answer_too_large: "the vault's answer is too large",
  redirected: "the vault's answer leads elsewhere, where coffer does not follow",
  faulty: "the vault gave no answer that could be used",
};

/** Returns a sentence for the caller. */
export function wordsFor(reason: VaultFailureReason): string {
  return words[reason];
}

const lasting: ReadonlySet<VaultFailureReason> = new Set([
  ...(["missing", "ambiguous", "unusable", "unauthorized"] as const),
  ...(["address_refused", "answer_too_large", "redirected"] as const),
]);

export function failureOf(reason: VaultFailureReason, retryAfterMs?: number): VaultFailure {
  return { reason, isWorthRetrying: !lasting.has(reason), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

const outbound: Readonly<Record<OutboundFailure, VaultFailureReason>> = {
  ADDRESS_REFUSED: "address_refused",
  NAME_UNRESOLVED: "unreachable",
  UNREACHABLE: "unreachable",
  TIMED_OUT: "timed_out",
  ANSWER_TOO_LARGE: "answer_too_large",
  ABORTED: "unreachable",
};

/** Translates the failure of a request. Other errors are thrown again. */
export function vaultErrorOf(error: unknown): VaultError {
  if (error instanceof VaultError) return error;
  if (error instanceof OutboundError) return new VaultError(failureOf(outbound[error.failure]), error);
  throw error;
}

/** Returns the body of a successful answer as JSON. Fails by the status: 404 is `missing`. */
export function answered({ status, body }: OutboundAnswer): unknown {
  if (status === 401 || status === 403) throw new VaultError(failureOf("unauthorized"));
  if (status === 404) throw new VaultError(failureOf("missing"));
  if (status >= 300 && status < 400) throw new VaultError(failureOf("redirected"));
  if (status !== 200) throw new VaultError(failureOf("faulty"));
  try {
    return JSON.parse(body) as unknown;
  } catch {
    // The message of JSON.parse repeats a part of the text.
    throw new VaultError(failureOf("faulty"));
  }
}
