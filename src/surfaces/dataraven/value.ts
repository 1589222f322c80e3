// What a request gives as a credential: its fields, or where they are.
import type { CreateSecretRequest } from "../../../gen/coffer/rest/dataraven/v1/secret_service_pb.ts";
import { invalidField } from "../../domain/errors.ts";
import type { ValueInput } from "../../operations/secrets/value-input.ts";

type Given = Pick<CreateSecretRequest, "credentials" | "vaultConnectionId" | "fieldMappings">;

/** Exactly one of the two ways. Fails with FIELD_INVALID. */
export function toValueInput(request: Given): ValueInput {
  const { credentials, vaultConnectionId, fieldMappings } = request;
  const isDirect = Object.keys(credentials).length > 0;
  const isReferred = vaultConnectionId !== undefined || fieldMappings.length > 0;
  if (isDirect && isReferred) {
    throw invalidField("credentials", "must not be given together with vault_connection_id and field_mappings");
  }
  if (!isDirect && !isReferred) {
    throw invalidField("credentials", "is required, or vault_connection_id and field_mappings are");
  }
  return fieldsInput(credentials);
}

/** The fields as the parts of one value. */
export function fieldsInput(credentials: Readonly<Record<string, string>>): ValueInput {
  const encoder = new TextEncoder();
  const entries = Object.entries(credentials).map(([name, text]) => [name, encoder.encode(text)] as const);
  return {
    case: "keyValues",
    field: "credentials",
    values: Object.fromEntries(entries),
    fieldOf: (name) => `credentials["${name}"]`,
  };
}
