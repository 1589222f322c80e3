// The one error type of coffer.
import { type Reason, reasons } from "./error-reasons.ts";

/** One broken rule: the name of the field (`secret.labels`, or a header) and the rule in words, without the value. */
export interface FieldViolation {
  field: string;
  description: string;
}

interface CofferErrorExtras {
  /** All broken rules, for FIELD_INVALID. */
  violations?: readonly FieldViolation[];
  /** When a retry may help, in milliseconds from now. */
  retryDelayMs?: number;
  /** The resource that causes a conflict. */
  resource?: { type: string; name: string };
  /** Response headers, sent in every protocol. */
  headers?: Readonly<Record<string, string>>;
  cause?: unknown;
}

/** An error for the caller. Its message and metadata are public. Its cause never leaves the process. */
export class CofferError extends Error {
  override readonly name = "CofferError";
  readonly reason: Reason;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];
  readonly retryDelayMs: number | undefined;
  readonly resource: { type: string; name: string } | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    reason: Reason,
    publicMessage: string,
    metadata: Record<string, string> = {},
    extras: CofferErrorExtras = {},
  ) {
    super(publicMessage, "cause" in extras ? { cause: extras.cause } : undefined);
    this.reason = reason;
    this.metadata = metadata;
    this.violations = extras.violations ?? [];
    this.retryDelayMs = extras.retryDelayMs;
    this.resource = extras.resource;
    this.headers = extras.headers ?? {};
  }

  /** Returns the same error with its fields renamed. */
  withFields(rename: (field: string) => string): CofferError {
    const violations = this.violations.map(({ field, description }) => ({ field: rename(field), description }));
    const [from, to] = [this.violations[0]?.field ?? "", violations[0]?.field ?? ""];
    const message = this.message.startsWith(`${from}: `) ? `${to}${this.message.slice(from.length)}` : this.message;
    const metadata = this.metadata["field"] === from ? { ...this.metadata, field: to } : { ...this.metadata };
    const { retryDelayMs, resource, headers, cause } = this;
    return new CofferError(this.reason, message, metadata, {
      violations,
      headers,
      ...(retryDelayMs === undefined ? {} : { retryDelayMs }),
      ...(resource === undefined ? {} : { resource }),
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

/** Returns the denial that an error is, or that it hides from the caller. */
export function denialIn(error: CofferError): CofferError | undefined {
  if (reasons[error.reason].code === "PERMISSION_DENIED") return error;
  return error.cause instanceof CofferError ? denialIn(error.cause) : undefined;
}

// gRPC sends errors in headers, which hold no more than this.
const violationsMax = 50;

/** Returns FIELD_INVALID for one or more fields. The message names the first of them. */
function invalidFields(all: readonly [FieldViolation, ...FieldViolation[]]): CofferError {
  const [first] = all;
  const violations = all.slice(0, violationsMax);
  const more = all.length === 1 ? "" : ` (and ${all.length - 1} more)`;
  return new CofferError(
    "FIELD_INVALID",
    `${first.field}: ${first.description}${more}`,
    { field: first.field },
    { violations },
  );
}

/** Fails with FIELD_INVALID if there are violations. */
export function failOn([first, ...others]: readonly FieldViolation[]): void {
  if (first) throw invalidFields([first, ...others]);
}

/** Returns FIELD_INVALID for one field. */
export function invalidField(field: string, description: string): CofferError {
  return invalidFields([{ field, description }]);
}

/** Runs every check. Fails with all broken rules, not only with the first. */
export function checkAll(...checks: readonly (() => unknown)[]): void {
  checkEach(Object.fromEntries(checks.entries()));
}

/** The same, with the results of the checks by name. */
export function checkEach<C extends Readonly<Record<string, () => unknown>>>(
  checks: C,
): { [K in keyof C]: ReturnType<C[K]> } {
  const violations: FieldViolation[] = [];
  const results: Record<string, unknown> = {};
  for (const name of Object.keys(checks)) results[name] = readOr(undefined, violations, checks[name] as () => unknown);
  // Two checks may report the same violation.
  const isSame = (a: FieldViolation, b: FieldViolation) => a.field === b.field && a.description === b.description;
  failOn(violations.filter((violation, i) => violations.findIndex((other) => isSame(violation, other)) === i));
  return results as { [K in keyof C]: ReturnType<C[K]> };
}

/** Runs `read`. If what it reads breaks rules, adds them to `broken` and returns `otherwise`. */
export function readOr<T>(otherwise: T, broken: FieldViolation[], read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CofferError && error.reason === "FIELD_INVALID")) throw error;
    broken.push(...error.violations);
    return otherwise;
  }
}

/** Runs `read`, and puts `field` before the names of the fields that it finds broken. */
export function withinField<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CofferError && error.reason === "FIELD_INVALID")) throw error;
    const [first, ...others] = error.violations.map((each) => ({ ...each, field: `${field}.${each.field}` }));
    throw first ? invalidFields([first, ...others]) : error;
  }
}

/** Makes the compiler check that a switch is complete. */
export function assertNever(value: never): never {
  throw new Error(`unexpected ${typeof value}`);
}
