// The value of a secret in Akua's requests and answers, and the credential fields beside it.
import type { CreateSecretRequest } from "../../../gen/coffer/rest/akua/v1/secret_service_pb.ts";
import { CofferError } from "../../domain/error/errors.ts";
import type { SecretValue } from "../../operations/secrets/get-value.ts";
import type { ValueInput } from "../../steps/secrets/value-input.ts";

/** The fields beside the value: they are not secret, and every version has them. */
export function toCredentialFields({ awsAccessKeyId, username }: CreateSecretRequest): Record<string, string> {
  return {
    ...(awsAccessKeyId === undefined ? {} : { aws_access_key_id: awsAccessKeyId }),
    ...(username === undefined ? {} : { username }),
  };
}

/** Returns the value of a new version. */
export function newValueInput(value: string): ValueInput {
  return { case: "data", field: "value", data: utf8(value) };
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Returns the value as text. Fails with VALUE_FORM_UNSUPPORTED for bytes that are not UTF-8, and for key-value pairs without `value`. */
export function textOf({ secretId, value }: SecretValue): string {
  const bytes = value.form === "data" ? value.data : value.values.get("value");
  try {
    if (bytes) return decoder.decode(bytes.reveal());
  } catch {
    // The error below says the same.
  }
  throw new CofferError("VALUE_FORM_UNSUPPORTED", "the value is not text; `coffer.v1` can return it", { id: secretId });
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
