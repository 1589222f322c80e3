// The changes that the body of a PATCH makes to a secret.
import {
  type UpdateSecretRequest,
  UpdateSecretRequestSchema,
} from "../../../gen/coffer/rest/akua/v1/secret_service_pb.ts";
import { type FieldChanges, maskedChange } from "../../call/update-mask.ts";
import type { SecretChange } from "../../domain/secret/secret.ts";

const changes: FieldChanges<UpdateSecretRequest, SecretChange> = {
  name: ({ name = "" }) => ({ name }),
  description: ({ description = "" }) => ({ description }),
  labels: ({ labels }) => ({ labels }),
  mime_type: ({ mimeType = "" }) => ({ mimeType }),
  version_aliases: ({ versionAliases }) => ({ versionAliases }),
};

export function toSecretChange(request: UpdateSecretRequest): SecretChange {
  return maskedChange(UpdateSecretRequestSchema, request, request.updateMask, changes);
}
