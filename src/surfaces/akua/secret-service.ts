// Akua's documented requests over the operations on secrets.
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { SecretService } from "../../../gen/coffer/rest/akua/v1/secret_service_pb.ts";
import type { Deps } from "../../deps.ts";
import { invalidField } from "../../domain/errors.ts";
import { etagOf, type Secret } from "../../domain/secret.ts";
import { createSecret } from "../../operations/secrets/create.ts";
import { deleteSecret } from "../../operations/secrets/delete.ts";
import { getSecret } from "../../operations/secrets/get.ts";
import { undeleteSecret } from "../../operations/secrets/undelete.ts";
import { resourceOf } from "../answer.ts";
import { callerOf } from "../caller.ts";
import { toSecretMessage } from "./messages.ts";
import { toValueInput } from "./value.ts";

export function akuaSecretService(deps: Deps): ServiceImpl<typeof SecretService> {
  return {
    async createSecret(request, context) {
      const outcome = await createSecret(deps, callerOf(context), {
        name: request.name,
        region: "",
        kind: request.kind,
        description: request.description ?? "",
        labels: request.labels,
        annotations: {},
        mimeType: "",
        kmsKeyId: "",
        expiration: undefined,
        revealable: true,
        value: toValueInput(request),
      });
      return answer(context, resourceOf(context, outcome));
    },

    async getSecret({ id }, context) {
      return answer(context, await getSecret(deps, callerOf(context), { id }));
    },

    async deleteSecret({ id, force }, context) {
      const input = { secret: { id }, etag: ifMatch(context), force };
      resourceOf(context, await deleteSecret(deps, callerOf(context), input));
      return {};
    },

    async undeleteSecret({ id }, context) {
      const input = { secretId: id, etag: ifMatch(context), newName: "" };
      return answer(context, resourceOf(context, await undeleteSecret(deps, callerOf(context), input)));
    },
  };
}

/** Every answer that carries a resource has its etag as a header too. */
function answer(context: HandlerContext, secret: Secret) {
  context.responseHeader.set("etag", `"${etagOf(secret)}"`);
  return { secret: toSecretMessage(secret) };
}

const ifMatchLengthMax = 256;

/** Required on writes to what has an etag. */
function ifMatch({ requestHeader }: HandlerContext): string {
  const etag = requestHeader.get("if-match");
  if (etag === null || etag === "") throw invalidField("if-match", "is required");
  if (etag.length > ifMatchLengthMax)
    throw invalidField("if-match", `must have at most ${ifMatchLengthMax} characters`);
  return etag;
}
