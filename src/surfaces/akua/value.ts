// The value of a secret that Akua's users give: alone, or with what its kind needs beside it.
import type { CreateSecretRequest } from "../../../gen/coffer/rest/akua/v1/secret_service_pb.ts";
import { CofferError, invalidField } from "../../domain/errors.ts";
import type { SecretValue } from "../../operations/secrets/get-value.ts";
import type { ValueInput } from "../../operations/secrets/value-input.ts";

const companions = [
  {
    kind: "cloud_provider/aws",
    part: "aws_access_key_id",
    read: (request: CreateSecretRequest) => request.awsAccessKeyId,
  },
  { kind: "oci_registry", part: "username", read: (request: CreateSecretRequest) => request.username },
] as const;

/** With a companion, both are sealed as parts of one value. */
export function toValueInput(request: CreateSecretRequest): ValueInput {
  const value = utf8(request.value);
  const given = companions.filter(({ read }) => read(request) !== undefined);
  const misplaced = given.find(({ kind }) => kind !== request.kind);
  if (misplaced) throw invalidField(misplaced.part, `is only for ${misplaced.kind}`);
  if (given.length === 0) return { case: "data", field: "value", data: value };
  const parts = given.map(({ part, read }) => [part, utf8(read(request) ?? "")] as const);
  return { case: "keyValues", field: "value", values: { value, ...Object.fromEntries(parts) } };
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The value as text, without its companion. Fails with VALUE_FORM_UNSUPPORTED for bytes that are none, and parts without a `value`. */
export function textOf({ secretId, value }: SecretValue): string {
  const bytes = value.form === "data" ? value.data : value.values.get("value");
  try {
    if (bytes) return decoder.decode(bytes.reveal());
  } catch {
    // Its message says nothing that this one does not.
  }
  throw new CofferError("VALUE_FORM_UNSUPPORTED", "the value is no text; coffer.v1 shows it", { id: secretId });
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
