// What the body of a PATCH changes in a secret.
import type { UpdateSecretRequest } from "../../../gen/coffer/rest/akua/v1/secret_service_pb.ts";
import type { SecretChange } from "../../domain/secret/secret.ts";

const changes: Readonly<Record<string, (request: UpdateSecretRequest) => SecretChange>> = {
  name: ({ name = "" }) => ({ name }),
  description: ({ description = "" }) => ({ description }),
  labels: ({ labels }) => ({ labels }),
  mime_type: ({ mimeType = "" }) => ({ mimeType }),
  version_aliases: ({ versionAliases }) => ({ versionAliases }),
};

/** The fields that the body names, each as a whole. */
export function toSecretChange(request: UpdateSecretRequest): SecretChange {
  const paths = request.updateMask?.paths ?? [];
  return Object.assign({}, ...paths.map((path) => changes[path]?.(request)));
}
