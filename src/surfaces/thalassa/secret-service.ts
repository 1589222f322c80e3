// Thalassa Cloud's requests about secrets over coffer's operations.
import type { ServiceImpl } from "@connectrpc/connect";
import type { CreateSecretRequest, SecretService } from "../../../gen/coffer/rest/thalassa/v1/secret_service_pb.ts";
import { callerOf } from "../../call/caller.ts";
import { resourceOf } from "../../call/resource-of.ts";
import { CofferError, type FieldViolation, readOr } from "../../domain/error/errors.ts";
import { isId } from "../../domain/ids.ts";
import { keyNotFound } from "../../domain/key/kms-key.ts";
import { setAccessPolicy } from "../../operations/access/set-policy.ts";
import { createSecret } from "../../operations/secrets/create.ts";
import { deleteSecret } from "../../operations/secrets/delete.ts";
import { getSecret } from "../../operations/secrets/get.ts";
import { getSecretValue } from "../../operations/secrets/get-value.ts";
import { addSecretVersion } from "../../operations/versions/add.ts";
import { destroySecretVersion } from "../../operations/versions/destroy.ts";
import { listSecretVersions } from "../../operations/versions/list.ts";
import type { Deps } from "../../runtime/deps.ts";
import { toAccessPolicy, toNextAccessPolicy } from "./access-policies.ts";
import { entriesMax, toList } from "./lists.ts";
import { showSecret } from "./messages.ts";
import { regionIn, secretAt } from "./secret-address.ts";
import { toValueInput, valueFields } from "./values.ts";

export function thalassaSecretService(deps: Deps): ServiceImpl<typeof SecretService> {
  return {
    async createSecret(request, context) {
      const input = toNewSecret(deps, request);
      const outcome = await createSecret(deps, callerOf(context), input).catch(hideOtherRegions(request));
      return { secret: await showSecret(deps, resourceOf(context, outcome)) };
    },

    async listSecrets(request, context) {
      return toList(deps, callerOf(context), request, context);
    },

    async getSecret(request, context) {
      const caller = callerOf(context);
      const secret = secretAt(deps, request);
      const found = await getSecret(deps, caller, secret);
      if (!request.includeVersions) return { secret: await showSecret(deps, found) };
      const versions = { secret: { id: found.secretId }, states: [], pageSize: entriesMax, pageToken: "" };
      return { secret: await showSecret(deps, found, (await listSecretVersions(deps, caller, versions)).items) };
    },

    async setAccessPolicy(request, context) {
      const secret = secretAt(deps, request);
      const input = { secret, etag: undefined, ...toNextAccessPolicy(request.accessPolicy) };
      return {
        secret: await showSecret(deps, resourceOf(context, await setAccessPolicy(deps, callerOf(context), input))),
      };
    },

    async putSecretValue(request, context) {
      const secret = secretAt(deps, request);
      const input = { secret, value: toValueInput(request), comment: "", expectedCurrentVersion: undefined };
      const version = resourceOf(context, await addSecretVersion(deps, callerOf(context), input));
      return { path: secret.name, version: version.versionNumber };
    },

    async getSecretValue(request, context) {
      const secret = secretAt(deps, request);
      const input = { secret, version: request.version === undefined ? "" : String(request.version) };
      const { versionNumber, value, kmsKeyId, kmsKeyVersion } = await getSecretValue(deps, callerOf(context), input);
      return {
        path: secret.name,
        version: versionNumber,
        ...valueFields(value),
        kmsKeyIdentity: kmsKeyId,
        kmsKeyVersion: String(kmsKeyVersion),
      };
    },

    async destroySecretVersion(request, context) {
      const secret = secretAt(deps, request);
      const input = { secret, version: String(request.version), etag: undefined, destroyAfterMs: undefined };
      resourceOf(context, await destroySecretVersion(deps, callerOf(context), input));
      return {};
    },

    async deleteSecret(request, context) {
      const input = { secret: secretAt(deps, request), etag: undefined, force: true };
      resourceOf(context, await deleteSecret(deps, callerOf(context), input));
      return {};
    },
  };
}

function toNewSecret(deps: Deps, request: CreateSecretRequest) {
  const { path, kmsKeyIdentity, description, labels, annotations } = request;
  const broken: FieldViolation[] = [];
  return {
    broken,
    name: path,
    nameField: "path",
    region: regionIn(deps, request.region),
    ...{ description, labels, annotations },
    ...(isId("kms", kmsKeyIdentity) ? { kmsKeyId: kmsKeyIdentity } : { kmsKeyName: kmsKeyIdentity }),
    revealable: true,
    ...readOr({ accessPolicy: undefined, statements: [] }, broken, () => toAccessPolicy(request.accessPolicy)),
    value: readOr(undefined, broken, () => toValueInput(request)),
  };
}

/** A key of another region is not found here. */
function hideOtherRegions({ kmsKeyIdentity }: CreateSecretRequest): (error: unknown) => never {
  return (error) => {
    const isField = error instanceof CofferError && error.reason === "FIELD_INVALID";
    const isElsewhere = isField && error.violations.some(({ field }) => field === "kms_key_id");
    throw isElsewhere ? keyNotFound(kmsKeyIdentity) : error;
  };
}
