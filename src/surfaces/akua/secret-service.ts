// Akua's documented requests over the operations on secrets.
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { SecretService } from "../../../gen/coffer/rest/akua/v1/secret_service_pb.ts";
import { callerOf } from "../../call/caller.ts";
import { resourceOf } from "../../call/resource-of.ts";
import type { Secret } from "../../domain/secret/secret.ts";
import { tryToken } from "../../operations/credentials/try-token.ts";
import { createSecret } from "../../operations/secrets/create.ts";
import { deleteSecret } from "../../operations/secrets/delete.ts";
import { getSecret } from "../../operations/secrets/get.ts";
import { listSecrets } from "../../operations/secrets/list.ts";
import { undeleteSecret } from "../../operations/secrets/undelete.ts";
import { updateSecret } from "../../operations/secrets/update.ts";
import type { Deps } from "../../runtime/deps.ts";
import { ifMatch, showEtag } from "./headers.ts";
import { toSecretMessage } from "./messages.ts";
import { toPage } from "./page.ts";
import { toSecretChange } from "./secret-change.ts";
import { newValueInput, toCredentialFields } from "./value.ts";

/** Answers link to a secret below `consoleUrl`, or to the secret's own URL if there is no console. */
export function akuaSecretService(deps: Deps, consoleUrl: string | undefined): ServiceImpl<typeof SecretService> {
  const toMessageIn = ({ url }: HandlerContext) => {
    const base = consoleUrl ?? `${/^https?:\/\/[^/]+/.exec(url)?.[0]}/v1`;
    return (secret: Secret) => toSecretMessage(secret, (secretId) => `${base}/secrets/${secretId}`);
  };
  const answer = (context: HandlerContext, secret: Secret) => {
    showEtag(context, secret);
    return { secret: toMessageIn(context)(secret) };
  };
  return {
    async createSecret(request, context) {
      const outcome = await createSecret(deps, callerOf(context), {
        name: request.name,
        kind: request.kind,
        description: request.description,
        labels: request.labels,
        revealable: true,
        credentialFields: toCredentialFields(request),
        value: newValueInput(request.value),
      });
      return answer(context, resourceOf(context, outcome));
    },

    async getSecret({ id }, context) {
      return answer(context, await getSecret(deps, callerOf(context), { id }));
    },

    async listSecrets({ cursor, limit = 0, kind = "" }, context) {
      const input = { namePrefix: "", kind, labels: {}, states: [], region: "", pageSize: limit, pageToken: cursor };
      return toPage(listSecrets(deps, callerOf(context), input), toMessageIn(context));
    },

    async updateSecret(request, context) {
      const change = toSecretChange(request);
      const input = { secretId: request.id, etag: ifMatch(context), change, fieldPrefix: "" };
      return answer(context, resourceOf(context, await updateSecret(deps, callerOf(context), input)));
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

    async validateToken({ provider, value }, context) {
      const input = { kind: `cloud_provider/${provider}`, value };
      const { isValid, error } = await tryToken(deps, callerOf(context), input);
      return isValid ? { valid: true } : { valid: false, error };
    },
  };
}
