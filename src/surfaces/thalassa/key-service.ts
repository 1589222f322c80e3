// Thalassa Cloud's requests that manage keys over coffer's operations; those that use keys are in key-uses.ts.
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { KeyService } from "../../../gen/coffer/rest/thalassa/v1/key_service_pb.ts";
import { callerOf } from "../../call/caller.ts";
import { resourceOf } from "../../call/resource-of.ts";
import type { Permission } from "../../domain/access/permission.ts";
import { checkAll, invalidField } from "../../domain/error/errors.ts";
import { isId } from "../../domain/ids.ts";
import type { KmsKeyRecord } from "../../domain/key/kms-key.ts";
import { cancelKeyDestruction } from "../../operations/keys/cancel-destruction.ts";
import { countKeys } from "../../operations/keys/count.ts";
import { createKey } from "../../operations/keys/create.ts";
import { disableKey } from "../../operations/keys/disable.ts";
import { enableKey } from "../../operations/keys/enable.ts";
import { getKey } from "../../operations/keys/get.ts";
import { listKeys } from "../../operations/keys/list.ts";
import { rotateKey } from "../../operations/keys/rotate.ts";
import { scheduleKeyDestruction } from "../../operations/keys/schedule-destruction.ts";
import { updateKey } from "../../operations/keys/update.ts";
import type { Deps } from "../../runtime/deps.ts";
import { keyIdIn } from "../../steps/keys/region-key.ts";
import type { MutationResult } from "../../steps/mutation.ts";
import { showNextPage } from "./headers.ts";
import { toImported, toKeyMessage, toRotationPeriodDays } from "./key-messages.ts";
import { keyUses } from "./key-uses.ts";
import { entriesMax } from "./lists.ts";
import { toRegionMessage } from "./messages.ts";
import { regionIn } from "./secret-address.ts";

export function thalassaKeyService(deps: Deps): ServiceImpl<typeof KeyService> {
  const keyId = (context: HandlerContext, permission: Permission, { region, identity }: KeyAddress) =>
    keyIdIn(deps, callerOf(context), permission, { region: regionIn(deps, region), identity });
  const target = async (context: HandlerContext, permission: Permission, key: KeyAddress) => ({
    kmsKeyId: await keyId(context, permission, key),
    etag: undefined,
  });
  return {
    ...keyUses(deps),

    async createKey(request, context) {
      const { name, description, labels, annotations, exportAllowed, keyType = "" } = request;
      const region = regionIn(deps, request.region);
      checkAll(
        () => toRotationPeriodDays(request),
        () => toImported(request),
      );
      const settings = {
        description,
        labels,
        annotations,
        exportAllowed,
        rotationPeriodDays: toRotationPeriodDays(request),
      };
      const type = { algorithm: keyType, algorithmField: "key_type" };
      const input = { name, region, ...type, ...settings, imported: toImported(request) };
      return answer(context, await createKey(deps, callerOf(context), input));
    },

    async listKeys({ region, limit, pageToken, name, slug, identity, matchLabels: labels }, context) {
      const filter = { region: regionIn(deps, region), states: [], name, labels, ...toKeyRef(slug, identity) };
      const input = { ...filter, pageSize: limit ?? entriesMax, pageToken };
      const { items, nextPageToken } = await listKeys(deps, callerOf(context), input);
      const labelQuery = Object.fromEntries(
        Object.entries(labels).map(([key, value]) => [`matchLabels[${key}]`, value]),
      );
      const query = { limit, name, slug, identity, ...labelQuery };
      showNextPage(context, `/v1/kms/${input.region}/keys`, query, nextPageToken);
      return { keys: items.map(toKeyMessage) };
    },

    async getKey(request, context) {
      const { key } = await getKey(deps, callerOf(context), await keyId(context, "keys.read", request));
      return { key: toKeyMessage(key) };
    },

    async rotateKey(request, context) {
      const input = await target(context, "keys.rotate", request);
      return answer(context, await rotateKey(deps, callerOf(context), input));
    },

    async setKeyRotation(request, context) {
      const { keyRotationEnabled, rotationPeriodInDays } = request;
      if (keyRotationEnabled === undefined && rotationPeriodInDays === undefined) {
        throw invalidField("key_rotation_enabled", "is required without rotationPeriodInDays");
      }
      const change = { rotationPeriodDays: toRotationPeriodDays(request) };
      const input = { ...(await target(context, "keys.update", request)), change };
      return answer(context, await updateKey(deps, callerOf(context), input));
    },

    async disableKey(request, context) {
      const input = await target(context, "keys.disable", request);
      return answer(context, await disableKey(deps, callerOf(context), input));
    },

    async enableKey(request, context) {
      const input = await target(context, "keys.enable", request);
      return answer(context, await enableKey(deps, callerOf(context), input));
    },

    async deleteKey(request, context) {
      const input = { ...(await target(context, "keys.destroy", request)), destroyAfterMs: undefined };
      return answer(context, await scheduleKeyDestruction(deps, callerOf(context), input));
    },

    async cancelKeyDeletion(request, context) {
      const input = { ...(await target(context, "keys.destroy", request)), enables: true };
      return answer(context, await cancelKeyDestruction(deps, callerOf(context), input));
    },

    async getSummary(_request, context) {
      const counts = await countKeys(deps, callerOf(context));
      const regions = counts.map(({ region, active, disabled, pendingDestruction }) => {
        const { identity, name, slug } = toRegionMessage(region);
        return {
          ...{ identity, name, slug, kmsAvailable: true },
          totalKeys: active + disabled + pendingDestruction,
          activeKeys: active,
          disabledKeys: disabled,
          pendingDeletionKeys: pendingDestruction,
        };
      });
      return { featureEnabled: true, regions };
    },
  };
}

/** An identity is an id or a slug, as in a path. */
function toKeyRef(slug: string | undefined, identity: string | undefined): { slug?: string; kmsKeyId?: string } {
  const bySlug = slug === undefined ? {} : { slug };
  if (identity === undefined) return bySlug;
  if (isId("kms", identity)) return { ...bySlug, kmsKeyId: identity };
  // Two different slugs cannot name one key.
  return slug === undefined || slug === identity ? { slug: identity } : { slug, kmsKeyId: identity };
}

interface KeyAddress {
  region: string;
  identity: string;
}

function answer(context: HandlerContext, outcome: MutationResult<KmsKeyRecord>) {
  return { key: toKeyMessage(resourceOf(context, outcome)) };
}
