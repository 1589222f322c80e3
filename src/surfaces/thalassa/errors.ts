// Errors as Thalassa Cloud's documents show them: one message, with every broken rule in it.
import type { JsonValue } from "@bufbuild/protobuf";
import type { Reason } from "../../domain/error/error-reasons.ts";
import type { CofferError } from "../../domain/error/errors.ts";
import { organisationHeader } from "./headers.ts";

// Fields that have another name in coffer.v1.
const names: Readonly<Record<string, string>> = {
  workspace_id: organisationHeader,
  kms_key_id: "kmsKeyIdentity",
  id: "identity",
  rotation_period: "rotationPeriodInDays",
};

const httpStatuses: Partial<Record<Reason, number>> = { IDEMPOTENCY_KEY_REUSED: 409 };

export function showThalassaError(error: CofferError, httpStatus: number): { httpStatus: number; body: JsonValue } {
  const violations = error.violations.map(({ field, description }) => `${nameOf(field)}: ${description}`);
  const message = violations.length === 0 ? error.message : violations.join("; ");
  return { httpStatus: httpStatuses[error.reason] ?? httpStatus, body: { message } };
}

/** `secret_key_values["a_b"]` → `secretKeyValues["a_b"]`. The keys of maps do not change. */
function nameOf(field: string): string {
  if (Object.hasOwn(names, field)) return names[field] ?? field;
  // Names within a policy do not change either.
  if (/^access(?:_p|P)olicy\b/.test(field)) return field.replace("access_policy", "accessPolicy");
  const [, path = "", key = ""] = /^([^[]*)(.*)$/s.exec(field) ?? [];
  return path.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()) + key;
}
