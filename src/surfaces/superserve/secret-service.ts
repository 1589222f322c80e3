// Superserve's requests about secrets over coffer's operations.
import type { ServiceImpl } from "@connectrpc/connect";
import type { SecretService } from "../../../gen/coffer/rest/superserve/v1/secret_service_pb.ts";
import { callerOf } from "../../call/caller.ts";
import { resourceOf } from "../../call/resource-of.ts";
import { providers } from "../../domain/egress/providers.ts";
import { CofferError } from "../../domain/error/errors.ts";
import { uuidOf } from "../../domain/ids.ts";
import { type Secret, secretNotFound } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { listSecretEvents } from "../../operations/egress/list-secret-events.ts";
import { listSecretSandboxes } from "../../operations/egress/list-secret-sandboxes.ts";
import { createSecret } from "../../operations/secrets/create.ts";
import { deleteSecret } from "../../operations/secrets/delete.ts";
import { getSecret } from "../../operations/secrets/get.ts";
import { listEgressSecrets } from "../../operations/secrets/list-egress.ts";
import { addSecretVersion } from "../../operations/versions/add.ts";
import type { Deps } from "../../runtime/deps.ts";
import { toEventMessage, toProviderMessage, toSecretMessage } from "./messages.ts";
import { statusRanges, toEventNumber, toNewSecret, toValueInput } from "./secret-requests.ts";

const auditLimitDefault = 100;

export function superserveSecretService(deps: Deps): ServiceImpl<typeof SecretService> {
  async function find(caller: Caller, name: string): Promise<Secret> {
    const secret = await getSecret(deps, caller, { name, region: "" });
    if (!secret.egress) throw secretNotFound();
    return secret;
  }

  return {
    async createSecret(request, context) {
      const { name, value, rule } = toNewSecret(request);
      const outcome = await createSecret(deps, callerOf(context), {
        name,
        value,
        revealable: false,
        egress: rule,
      });
      return { secret: toSecretMessage(resourceOf(context, outcome)) };
    },

    async listSecrets(_request, context) {
      return { secrets: (await listEgressSecrets(deps, callerOf(context))).map(toSecretMessage) };
    },

    async getSecret({ name }, context) {
      return { secret: toSecretMessage(await find(callerOf(context), name)) };
    },

    async updateSecret({ name, value }, context) {
      const caller = callerOf(context);
      const version = { value: toValueInput(value), comment: "", expectedCurrentVersion: undefined };
      const secret = { id: (await find(caller, name)).secretId };
      resourceOf(context, await addSecretVersion(deps, caller, { secret, ...version }));
      return { secret: toSecretMessage(await getSecret(deps, caller, secret)) };
    },

    async deleteSecret({ name }, context) {
      const caller = callerOf(context);
      const found = await find(caller, name).catch((error: unknown) => goneBefore(caller, error));
      const secret = found ? { id: found.secretId } : { id: "" };
      resourceOf(context, await deleteSecret(deps, caller, { secret, etag: undefined, force: false }));
      return {};
    },

    async listAudit({ name, limit = auditLimitDefault, before, status }, context) {
      const caller = callerOf(context);
      const { secretId } = await find(caller, name);
      const statuses = status === undefined ? undefined : statusRanges[status];
      const page = { before: before === undefined ? undefined : toEventNumber(before), limit };
      return { events: (await listSecretEvents(deps, caller, { secretId, statuses, ...page })).map(toEventMessage) };
    },

    async listSandboxes({ name }, context) {
      const caller = callerOf(context);
      const { secretId } = await find(caller, name);
      const bound = await listSecretSandboxes(deps, caller, secretId);
      return {
        sandboxes: bound.map(({ sandboxId, sandboxName, envKey }) => {
          return { sandboxId: uuidOf(sandboxId), sandboxName, envKey, status: "active" };
        }),
      };
    },

    listProviders() {
      return { providers: providers.map(toProviderMessage) };
    },
  };
}

/** A retry cannot find a deleted secret by its name, only by the idempotency key. */
function goneBefore({ idempotency }: Caller, error: unknown): undefined {
  if (idempotency && error instanceof CofferError && error.reason === "SECRET_NOT_FOUND") return;
  throw error;
}
