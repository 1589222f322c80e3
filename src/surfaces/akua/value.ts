// The value of a secret as Akua's users give and see it, and what they give beside it.
import type { CreateSecretRequest } from "../../../gen/coffer/rest/akua/v1/secret_service_pb.ts";
import { CofferError } from "../../domain/error/errors.ts";
import type { SecretValue } from "../../operations/secrets/get-value.ts";
import type { ValueInput } from "../../steps/secrets/value-input.ts";

/** What stands beside the value: it is no secret, and stays with every version. */
export function toCredentialFields({ awsAccessKeyId, username }: CreateSecretRequest): Record<string, string> {
  return {
    ...(awsAccessKeyId === undefined ? {} : { aws_access_key_id: awsAccessKeyId }),
    ...(username === undefined ? {} : { username }),
  };
}

/** The value of a version. */
export function newValueInput(value: string): ValueInput {
  return { case: "data", field: "value", data: utf8(value) };
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The value as text. Fails with VALUE_FORM_UNSUPPORTED for bytes that are none, and parts without a `value`. */
export function textOf({ secretId, value }: SecretValue): string {
  const bytes = value.form === "data" ? value.data : value.values.get("value");
  try {
    if (bytes) return decoder.decode(bytes.reveal());
  } catch {
    // Its message says nothing that this one does not.
  }
  throw new CofferError("VALUE_FORM_UNSUPPORTED", "the value is not text; `coffer.v1` can return it", { id: secretId });
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
