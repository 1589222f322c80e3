// DataRaven's requests about credentials of cloud storage over coffer's operations.
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { SecretService, UpdateSecretRequest } from "../../../gen/coffer/rest/dataraven/v1/secret_service_pb.ts";
import { callerOf } from "../../call/caller.ts";
import { resourceOf } from "../../call/resource-of.ts";
import type { Permission } from "../../domain/access/permission.ts";
import { type FieldViolation, invalidField, readOr } from "../../domain/error/errors.ts";
import type { SecretConnection } from "../../domain/external-vault/vault-connection.ts";
import { idOfUuid } from "../../domain/ids.ts";
import { type Secret, secretNotFound } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { getFieldMappings } from "../../operations/external-vaults/get-mappings.ts";
import { type ChangeCredentialInput, changeCredential } from "../../operations/secrets/change-credential.ts";
import { createSecret } from "../../operations/secrets/create.ts";
import { deleteSecret } from "../../operations/secrets/delete.ts";
import { getSecret } from "../../operations/secrets/get.ts";
import { listStorageSecrets } from "../../operations/secrets/list-storage.ts";
import type { Deps } from "../../runtime/deps.ts";
import { requireRole } from "../../steps/authorize.ts";
import { connectionsOf } from "../../steps/external-vaults/connections-of.ts";
import type { ValueInput } from "../../steps/secrets/value-input.ts";
import { isStorage, toDetailsMessage, toKind, toListedMessage, toSecretMessage } from "./messages.ts";
import { fieldsInput, referenceInput, toValueInput } from "./value.ts";

const limitDefault = 100;

export function dataRavenSecretService(deps: Deps): ServiceImpl<typeof SecretService> {
  /** Fails with PERMISSION_MISSING for callers that may not read the secret, and with SECRET_NOT_FOUND if it is not a storage credential. */
  async function find(caller: Caller, uuid: string): Promise<Secret> {
    const id = idOfUuid("sec", uuid);
    const secret = id === undefined ? undefined : await getSecret(deps, caller, { id });
    // A deleted secret is not found, except by a retry of the call that deleted it.
    const isSeen = secret?.state === "ACTIVE" || caller.idempotency !== undefined;
    if (!secret || !isStorage(secret) || !isSeen) throw secretNotFound();
    return secret;
  }

  return {
    async createSecret(request, context) {
      const caller = adminIn(context, "secrets.create");
      const broken: FieldViolation[] = [];
      const outcome = await createSecret(deps, caller, {
        broken,
        name: request.name,
        kind: toKind(request.secretType),
        kindField: "secret_type",
        authMethod: request.authMethod,
        description: request.description,
        revealable: false,
        value: readOr(undefined, broken, () => toValueInput(request)),
      });
      return { secret: toSecretMessage(resourceOf(context, outcome)) };
    },

    async listSecrets({ limit = limitDefault, offset = 0 }, context) {
      const caller = callerOf(context);
      const secrets = await listStorageSecrets(deps, caller, { limit, offset });
      const connections = await connectionsOf(deps, caller.membership?.workspaceId ?? "", secrets);
      return { secrets: secrets.map((secret) => toListedMessage(secret, connections.get(secret.secretId))) };
    },

    async getSecret({ secretId }, context) {
      const caller = callerOf(context);
      const secret = await find(caller, secretId);
      const connection = (await connectionsOf(deps, secret.workspaceId, [secret])).get(secret.secretId);
      const version = { ...secret, versionNumber: secret.currentVersion };
      const mappings = await getFieldMappings(deps, caller, {
        vaultConnectionId: undefined,
        ...version,
        ...connection,
      });
      return { secret: toDetailsMessage(secret, connection, mappings) };
    },

    async updateSecret(request, context) {
      const caller = adminIn(context, "secrets.update");
      const secret = await find(caller, request.secretId);
      const connection = (await connectionsOf(deps, secret.workspaceId, [secret])).get(secret.secretId);
      const outcome = await changeCredential(deps, caller, toChange(secret, connection, request));
      return { secret: toSecretMessage(resourceOf(context, outcome)) };
    },

    async deleteSecret({ secretId }, context) {
      const caller = adminIn(context, "secrets.delete");
      const secret = await find(caller, secretId);
      resourceOf(
        context,
        await deleteSecret(deps, caller, { secret: { id: secret.secretId }, etag: undefined, force: false }),
      );
      return {};
    },
  };
}

/** In coffer operators may change secrets. DataRaven requires an admin. */
function adminIn(context: HandlerContext, permission: Permission): Caller {
  const caller = callerOf(context);
  requireRole(caller, "ADMIN", permission);
  return caller;
}

function toChange(
  { secretId }: Secret,
  connection: SecretConnection | undefined,
  request: UpdateSecretRequest,
): ChangeCredentialInput {
  const { name, description = "", secretType, authMethod, updateMask } = request;
  const named = new Set(updateMask?.paths);
  return {
    secretId,
    name,
    ...(named.has("description") ? { description } : {}),
    kind: secretType === undefined ? undefined : toKind(secretType),
    authMethod,
    value: newValue(named, connection, request),
    fields: { kind: "secret_type", value: connection ? "field_mappings" : "credentials" },
  };
}

/** A change cannot move a credential between coffer and an external vault. */
function newValue(
  named: ReadonlySet<string>,
  connection: SecretConnection | undefined,
  { credentials, fieldMappings }: UpdateSecretRequest,
): ValueInput | undefined {
  if (named.has("credentials") && named.has("field_mappings")) {
    throw invalidField("credentials", "must not be given together with field_mappings");
  }
  if (named.has("credentials")) {
    if (connection) throw invalidField("credentials", "are only for a credential that is stored here");
    return fieldsInput(credentials);
  }
  if (!named.has("field_mappings")) return undefined;
  if (!connection) throw invalidField("field_mappings", "are only for a credential in an external vault");
  return referenceInput(connection.vaultConnectionId, fieldMappings);
}
