// The value of a secret in Thalassa Cloud's requests and answers.
import type {
  CreateSecretRequest,
  PutSecretValueRequest,
} from "../../../gen/coffer/rest/thalassa/v1/secret_service_pb.ts";
import { failOn, invalidField } from "../../domain/error/errors.ts";
import type { RevealedValue } from "../../steps/secrets/open-sealed.ts";
import type { ValueInput } from "../../steps/secrets/value-input.ts";

/** Fails with FIELD_INVALID unless the request has exactly one of the three forms of a value. Names each of several. */
export function toValueInput(request: CreateSecretRequest | PutSecretValueRequest): ValueInput {
  const [first, ...others] = givenIn(request);
  const description = "exactly one of secretString, secretKeyValues and generateSecret is required";
  if (!first) throw invalidField("secret_string", description);
  if (others.length > 0) failOn([first, ...others].map(({ field }) => ({ field, description })));
  return first;
}

function givenIn(request: CreateSecretRequest | PutSecretValueRequest): ValueInput[] {
  const { secretString: data, secretKeyValues: values, generateSecret: generate } = request;
  return [
    ...(data ? [{ case: "data", field: "secret_string", data } as const] : []),
    ...(Object.keys(values).length > 0
      ? [{ case: "keyValues", field: "secret_key_values", values, fieldOf } as const]
      : []),
    ...(generate ? [{ case: "generate", field: "generate_secret", byteLength: generate.byteLength } as const] : []),
  ];
}

function fieldOf(name: string): string {
  return `secret_key_values["${name}"]`;
}

/** Returns the fields of an answer that hold the value. */
export function valueFields(value: RevealedValue) {
  if (value.form === "data") return { secretString: value.data.reveal() };
  return { secretKeyValues: Object.fromEntries([...value.values].map(([name, part]) => [name, part.reveal()])) };
}
