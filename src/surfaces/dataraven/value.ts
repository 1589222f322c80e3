// Reads the credential of a request: its fields, or references to an external vault.
import type { CreateSecretRequest, FieldMapping } from "../../../gen/coffer/rest/dataraven/v1/secret_service_pb.ts";
import { type FieldViolation, failOn, invalidField } from "../../domain/error/errors.ts";
import type { ValueInput } from "../../steps/secrets/value-input.ts";
import { toConnectionId } from "./vault-connection-service.ts";

type Given = Pick<CreateSecretRequest, "credentials" | "vaultConnectionId" | "fieldMappings">;

/** Exactly one of the two ways. Fails with FIELD_INVALID. */
export function toValueInput({ credentials, vaultConnectionId, fieldMappings }: Given): ValueInput {
  const isDirect = Object.keys(credentials).length > 0;
  const isReferred = vaultConnectionId !== undefined || fieldMappings.length > 0;
  if (isDirect && isReferred) {
    throw invalidField("credentials", "must not be given together with vault_connection_id and field_mappings");
  }
  if (!isDirect && !isReferred) {
    throw invalidField("credentials", "is required, or vault_connection_id and field_mappings are");
  }
  if (isDirect) return fieldsInput(credentials);
  if (vaultConnectionId === undefined) throw invalidField("vault_connection_id", "is required with field_mappings");
  return referenceInput(toConnectionId(vaultConnectionId), fieldMappings);
}

/** Returns references to the fields in the external vault. */
export function referenceInput(vaultConnectionId: string, fieldMappings: readonly FieldMapping[]): ValueInput {
  if (fieldMappings.length === 0) throw invalidField("field_mappings", "is required with vault_connection_id");
  const names = fieldMappings.map(({ fieldName }) => fieldName);
  failOn(
    names.flatMap((name, i): FieldViolation[] =>
      names.indexOf(name) === i ? [] : [{ field: `field_mappings[${i}].field_name`, description: "is given twice" }],
    ),
  );
  return {
    case: "reference",
    field: "field_mappings",
    vaultConnectionId,
    mappings: Object.fromEntries(fieldMappings.map(({ fieldName, reference }) => [fieldName, reference])),
    fieldOf: (name) => (names.includes(name) ? `field_mappings[${names.indexOf(name)}]` : `field_mappings["${name}"]`),
  };
}

/** Returns the fields as key-value pairs. */
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
