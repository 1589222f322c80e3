// The value of a secret as Thalassa Cloud's users give and see it.
import type {
  CreateSecretRequest,
  PutSecretValueRequest,
} from "../../../gen/coffer/rest/thalassa/v1/secret_service_pb.ts";
import { type FieldViolation, invalidFields } from "../../domain/error/errors.ts";
import type { RevealedValue } from "../../steps/secrets/open-sealed.ts";
import type { ValueInput } from "../../steps/secrets/value-input.ts";

/** Exactly one of the three ways to give a value; fails with FIELD_INVALID for none, and for each of several. */
export function toValueInput(request: CreateSecretRequest | PutSecretValueRequest): ValueInput {
  const [given, ...others] = givenIn(request);
  if (given && others.length === 0) return given;
  const fields = given ? [given, ...others].map(({ field }) => field) : ["secret_string"];
  const description = "exactly one of secretString, secretKeyValues and generateSecret is required";
  const [first, ...rest] = fields.map((field): FieldViolation => ({ field, description }));
  throw invalidFields([first as FieldViolation, ...rest]);
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

/** The fields of an answer that hold the value. */
export function valueFields(value: RevealedValue) {
  if (value.form === "data") return { secretString: value.data.reveal() };
  return { secretKeyValues: Object.fromEntries([...value.values].map(([name, part]) => [name, part.reveal()])) };
}
