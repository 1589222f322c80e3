// Tries a token without storing it. A caller who may create secrets may know whether a token works.

import { assertNever, CofferError } from "../../domain/error/errors.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { auditEvent } from "../../runtime/audit-trail.ts";
import type { Deps } from "../../runtime/deps.ts";
import { ruleAnywhere } from "../../steps/authorize.ts";
import { checkValidationOn } from "../../steps/credentials/try-credential.ts";

export interface TryTokenInput {
  kind: string;
  value: string;
}

/** `error`: why it is not valid. */
export interface TokenVerdict {
  isValid: boolean;
  error: string;
}

/** Fails with VALIDATION_OFF, PROVIDER_UNAVAILABLE when the service gives no definite answer, RATE_LIMITED or AUDIT_UNAVAILABLE. */
export async function tryToken(
  deps: Pick<Deps, "prober" | "audit" | "now" | "random">,
  caller: Caller,
  { kind, value }: TryTokenInput,
): Promise<TokenVerdict> {
  const rule = ruleAnywhere(caller, "secrets.create");
  checkValidationOn(deps.prober);
  const event = auditEvent(
    deps,
    caller,
    { decision: "ALLOW", rule, result: "OK" },
    { resourceType: "none", resourceId: "" },
  );
  await deps.audit.record(event);
  const verdict = await deps.prober.probe(kind, new Map([["value", value]]));
  switch (verdict.state) {
    case "VALID":
      return { isValid: true, error: "" };
    case "INVALID":
      return { isValid: false, error: verdict.error };
    case "UNKNOWN":
      throw new CofferError("PROVIDER_UNAVAILABLE", verdict.error, { kind }, { retryDelayMs: 1_000 });
    default:
      return assertNever(verdict);
  }
}
