// Converts requests of coffer.v1 to the inputs of operations.
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { durationMs, timestampDate } from "@bufbuild/protobuf/wkt";
import {
  type Generate,
  type Secret as SecretMessage,
  SecretSchema,
  SecretState,
  SecretVersionState,
} from "../../../gen/coffer/v1/secret_pb.ts";
import type {
  AddSecretVersionRequest,
  CreateSecretRequest,
  GetSecretRequest,
} from "../../../gen/coffer/v1/secret_service_pb.ts";
import { type FieldChanges, maskedChange } from "../../call/update-mask.ts";
import { invalidField } from "../../domain/error/errors.ts";
import type { SecretState as DomainState, Expiration, SecretChange } from "../../domain/secret/secret.ts";
import type { VersionState } from "../../domain/secret/version.ts";
import type { SecretRefInput } from "../../steps/secrets/secret-ref.ts";
import type { ValueInput } from "../../steps/secrets/value-input.ts";
import { toEgressRule } from "./egress-messages.ts";
import { toPasswordRecipe } from "./password-recipe.ts";

/** The schema requires one of the two. */
export function toSecretRef({ secret, region }: Pick<GetSecretRequest, "secret" | "region">): SecretRefInput {
  return secret.case === "name" ? { name: secret.value, region } : { id: secret.value ?? "" };
}

/** An empty etag means no condition. */
export function toEtag(etag: string): string | undefined {
  return etag === "" ? undefined : etag;
}

/** The schema requires one of the four. */
export function toValueInput({ value }: Pick<CreateSecretRequest | AddSecretVersionRequest, "value">): ValueInput {
  switch (value.case) {
    case "data":
      return { case: "data", field: "data", data: value.value };
    case "keyValues":
      return {
        case: "keyValues",
        field: "key_values.values",
        values: value.value.values,
        fieldOf: (name) => `key_values.values["${name}"]`,
      };
    case "reference":
      return {
        case: "reference",
        field: "reference",
        vaultConnectionId: value.value.vaultConnectionId,
        mappings: value.value.fieldMappings,
        fieldOf: (name) => `reference.field_mappings["${name}"]`,
      };
    case "generate":
      return toGenerated(value.value);
    default:
      throw invalidField("value", "exactly one value is required");
  }
}

/** The schema requires one of the two. */
function toGenerated({ byteLength, password }: Generate): ValueInput {
  if (!password) return { case: "generate", field: "generate", byteLength };
  return { case: "password", field: "generate.password", recipe: toPasswordRecipe(password) };
}

export function toExpiration({ expiration }: Pick<CreateSecretRequest, "expiration">): Expiration | undefined {
  switch (expiration.case) {
    case "expireTime":
      return { at: timestampDate(expiration.value) };
    case "ttl":
      return { afterMs: durationMs(expiration.value) };
    default:
      return undefined;
  }
}

const states: Record<SecretState, DomainState | undefined> = {
  [SecretState.UNSPECIFIED]: undefined,
  [SecretState.ACTIVE]: "ACTIVE",
  [SecretState.SOFT_DELETED]: "SOFT_DELETED",
};

export function toStates(messages: readonly SecretState[]): DomainState[] {
  return messages.flatMap((message) => states[message] ?? []);
}

const versionStates: Record<SecretVersionState, VersionState | undefined> = {
  [SecretVersionState.UNSPECIFIED]: undefined,
  [SecretVersionState.ENABLED]: "ENABLED",
  [SecretVersionState.DISABLED]: "DISABLED",
  [SecretVersionState.DESTROYED]: "DESTROYED",
};

export function toVersionStates(messages: readonly SecretVersionState[]): VersionState[] {
  return messages.flatMap((message) => versionStates[message] ?? []);
}

const changes: FieldChanges<SecretMessage, SecretChange> = {
  name: ({ name }) => ({ name }),
  description: ({ description }) => ({ description }),
  labels: ({ labels }) => ({ labels }),
  annotations: ({ annotations }) => ({ annotations }),
  mime_type: ({ mimeType }) => ({ mimeType }),
  version_aliases: ({ versionAliases }) => ({ versionAliases }),
  expire_time: ({ expireTime }) => ({ expireTime: expireTime ? timestampDate(expireTime) : null }),
  egress: ({ egress }) => ({ egress: toEgressRule(egress, "secret.egress") ?? null }),
};

/** Fails with FIELD_INVALID. */
export function toSecretChange(secret: SecretMessage, mask: FieldMask | undefined): SecretChange {
  return maskedChange(SecretSchema, secret, mask, changes);
}
