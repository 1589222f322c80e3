// The registry of kinds, domain → coffer.v1.
import { create } from "@bufbuild/protobuf";
import {
  CredentialAuthMethodSchema,
  CredentialFieldSchema,
  CredentialKindSchema,
  type CredentialKind as KindMessage,
} from "../../../gen/coffer/v1/credential_kind_pb.ts";
import type { AuthMethod, CredentialField, Kind } from "../../domain/credential/kind.ts";

export function toKindMessage({ name, title, value, reveal, validation, lengthMin, authMethods }: Kind): KindMessage {
  return create(CredentialKindSchema, {
    name,
    title,
    madeOfFields: value === "FIELDS",
    mayBeRevealable: reveal === "CHOICE",
    canBeValidated: validation !== undefined,
    minLength: lengthMin ?? 0,
    authMethods: authMethods.map(toAuthMethodMessage),
  });
}

function toAuthMethodMessage({ name, title, fields }: AuthMethod) {
  return create(CredentialAuthMethodSchema, { name, title, fields: fields.map(toFieldMessage) });
}

function toFieldMessage({ name, title, format, sizeBytesMax, isRequired, isSecret, isShown }: CredentialField) {
  return create(CredentialFieldSchema, {
    name,
    title,
    format,
    maxSizeBytes: sizeBytesMax,
    required: isRequired,
    secret: isSecret,
    shown: isShown,
  });
}
