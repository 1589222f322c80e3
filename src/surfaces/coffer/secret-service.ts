// coffer.v1.SecretService over the operations on secrets and versions.
import { durationMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { SecretService } from "../../../gen/coffer/v1/secret_service_pb.ts";
import { callerOf } from "../../call/caller.ts";
import { statusOf } from "../../call/error-details.ts";
import { resourceOf } from "../../call/resource-of.ts";
import { kinds } from "../../domain/credential/kinds.ts";
import { type FieldViolation, readOr } from "../../domain/error/errors.ts";
import { validateCredential } from "../../operations/credentials/validate.ts";
import { getFieldMappings } from "../../operations/external-vaults/get-mappings.ts";
import { batchGetSecretValues } from "../../operations/secrets/batch-get-values.ts";
import { createSecret } from "../../operations/secrets/create.ts";
import { deleteSecret } from "../../operations/secrets/delete.ts";
import { getSecret } from "../../operations/secrets/get.ts";
import { getSecretValue } from "../../operations/secrets/get-value.ts";
import { listSecrets } from "../../operations/secrets/list.ts";
import { undeleteSecret } from "../../operations/secrets/undelete.ts";
import { updateSecret } from "../../operations/secrets/update.ts";
import { addSecretVersion } from "../../operations/versions/add.ts";
import { destroySecretVersion } from "../../operations/versions/destroy.ts";
import { disableSecretVersion } from "../../operations/versions/disable.ts";
import { enableSecretVersion } from "../../operations/versions/enable.ts";
import { getSecretVersion } from "../../operations/versions/get.ts";
import { listSecretVersions } from "../../operations/versions/list.ts";
import type { Deps } from "../../runtime/deps.ts";
import { toAccessPolicy } from "./access-policy-messages.ts";
import { toKindMessage } from "./credential-kind-messages.ts";
import { toEgressRule } from "./egress-messages.ts";
import { toSecretMessage, toValueMessage, toVersionMessage } from "./secret-messages.ts";
import {
  toEtag,
  toExpiration,
  toSecretChange,
  toSecretRef,
  toStates,
  toValueInput,
  toVersionStates,
} from "./secret-requests.ts";

export function secretService(deps: Deps): ServiceImpl<typeof SecretService> {
  return {
    async createSecret(request, context) {
      const broken: FieldViolation[] = [];
      const outcome = await createSecret(deps, callerOf(context), {
        broken,
        name: request.name,
        region: request.region,
        kind: request.kind,
        description: request.description,
        labels: request.labels,
        annotations: request.annotations,
        mimeType: request.mimeType,
        kmsKeyId: request.kmsKeyId,
        expiration: toExpiration(request),
        revealable: request.revealable,
        authMethod: request.authMethod,
        value: readOr(undefined, broken, () => toValueInput(request)),
        credentialFields: request.credentialFields,
        accessPolicy: readOr(undefined, broken, () => toAccessPolicy(request.accessPolicy)),
        egress: readOr(undefined, broken, () => toEgressRule(request.egress, "egress")),
        credentialFieldOf: (name) => `credential_fields["${name}"]`,
      });
      return { secret: toSecretMessage(resourceOf(context, outcome)) };
    },

    async getSecret(request, context) {
      return { secret: toSecretMessage(await getSecret(deps, callerOf(context), toSecretRef(request))) };
    },

    async listSecrets(request, context) {
      const { namePrefix, kind, labels, pageSize, pageToken, region } = request;
      const states = toStates(request.states);
      const query = { namePrefix, kind, labels, states, pageSize, pageToken, region };
      const { items, nextPageToken } = await listSecrets(deps, callerOf(context), query);
      return { secrets: items.map(toSecretMessage), nextPageToken };
    },

    async updateSecret({ secret, updateMask }, context) {
      if (!secret) throw new Error("the schema requires a secret");
      const change = toSecretChange(secret, updateMask);
      const input = { secretId: secret.id, etag: toEtag(secret.etag), change, fieldPrefix: "secret." };
      return { secret: toSecretMessage(resourceOf(context, await updateSecret(deps, callerOf(context), input))) };
    },

    async deleteSecret(request, context) {
      const input = { secret: toSecretRef(request), etag: toEtag(request.etag), force: request.force };
      return { secret: toSecretMessage(resourceOf(context, await deleteSecret(deps, callerOf(context), input))) };
    },

    async undeleteSecret({ id, etag, newName }, context) {
      const input = { secretId: id, etag: toEtag(etag), newName };
      return { secret: toSecretMessage(resourceOf(context, await undeleteSecret(deps, callerOf(context), input))) };
    },

    async getSecretValue(request, context) {
      const input = { secret: toSecretRef(request), version: request.version };
      return toValueMessage(await getSecretValue(deps, callerOf(context), input));
    },

    async batchGetSecretValues({ requests }, context) {
      const items = requests.map((request) => ({
        secret: toSecretRef(request),
        version: request.version,
        workspaceId: request.workspaceId,
      }));
      const results = await batchGetSecretValues(deps, callerOf(context), items);
      return {
        results: results.map((result) => ({
          result:
            "value" in result
              ? { case: "value" as const, value: toValueMessage(result.value) }
              : { case: "error" as const, value: statusOf(result.error) },
        })),
      };
    },

    async addSecretVersion(request, context) {
      const outcome = await addSecretVersion(deps, callerOf(context), {
        secret: toSecretRef(request),
        value: toValueInput(request),
        comment: request.comment,
        expectedCurrentVersion: request.expectedCurrentVersion,
      });
      return { version: toVersionMessage(resourceOf(context, outcome)) };
    },

    async getSecretVersion(request, context) {
      const input = { secret: toSecretRef(request), version: request.version };
      const version = await getSecretVersion(deps, callerOf(context), input);
      const fieldMappings = await getFieldMappings(deps, callerOf(context), version);
      const { vaultConnectionId = "" } = version;
      return {
        version: toVersionMessage(version),
        ...(fieldMappings ? { reference: { vaultConnectionId, fieldMappings } } : {}),
      };
    },

    async listSecretVersions(request, context) {
      const { items, nextPageToken } = await listSecretVersions(deps, callerOf(context), {
        secret: toSecretRef(request),
        states: toVersionStates(request.states),
        pageSize: request.pageSize,
        pageToken: request.pageToken,
      });
      return { versions: items.map(toVersionMessage), nextPageToken };
    },

    async enableSecretVersion(request, context) {
      const outcome = await enableSecretVersion(deps, callerOf(context), toVersionInput(request));
      return { version: toVersionMessage(resourceOf(context, outcome)) };
    },

    async disableSecretVersion(request, context) {
      const outcome = await disableSecretVersion(deps, callerOf(context), toVersionInput(request));
      return { version: toVersionMessage(resourceOf(context, outcome)) };
    },

    async destroySecretVersion(request, context) {
      const destroyAfterMs = request.destroyAfter && durationMs(request.destroyAfter);
      const input = { ...toVersionInput(request), destroyAfterMs };
      const outcome = await destroySecretVersion(deps, callerOf(context), input);
      return { version: toVersionMessage(resourceOf(context, outcome)) };
    },

    async validateCredential(request, context) {
      const outcome = await validateCredential(deps, callerOf(context), toSecretRef(request));
      return { secret: toSecretMessage(resourceOf(context, outcome)) };
    },

    listCredentialKinds() {
      return { kinds: kinds.map(toKindMessage) };
    },
  };
}

function toVersionInput(request: Parameters<typeof toSecretRef>[0] & { version: string; etag: string }) {
  return { secret: toSecretRef(request), version: request.version, etag: toEtag(request.etag) };
}
