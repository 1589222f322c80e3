// coffer.v1.KeyService over the operations that manage keys; those that use keys are in key-uses.ts.
import { durationMs } from "@bufbuild/protobuf/wkt";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { KeyService } from "../../../gen/coffer/v1/key_service_pb.ts";
import { callerOf } from "../../call/caller.ts";
import { resourceOf } from "../../call/resource-of.ts";
import type { KmsKeyRecord } from "../../domain/key/kms-key.ts";
import { cancelKeyDestruction } from "../../operations/keys/cancel-destruction.ts";
import { createKey } from "../../operations/keys/create.ts";
import { disableKey } from "../../operations/keys/disable.ts";
import { enableKey } from "../../operations/keys/enable.ts";
import { getKey } from "../../operations/keys/get.ts";
import { listKeys } from "../../operations/keys/list.ts";
import { rotateKey } from "../../operations/keys/rotate.ts";
import { scheduleKeyDestruction } from "../../operations/keys/schedule-destruction.ts";
import { updateKey } from "../../operations/keys/update.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { MutationResult } from "../../steps/mutation.ts";
import { toDays, toImported, toKeyChange, toKeyMessage, toKeyStates } from "./key-messages.ts";
import { keyUses } from "./key-uses.ts";
import { toEtag } from "./secret-requests.ts";

export function keyService(deps: Deps): ServiceImpl<typeof KeyService> {
  return {
    ...keyUses(deps),

    async createKey({ rotationPeriod, import: given, ...request }, context) {
      const { name, region, algorithm, description, labels, annotations, exportAllowed } = request;
      const rotationPeriodDays = toDays(rotationPeriod, "rotation_period");
      const settings = { description, labels, annotations, rotationPeriodDays, exportAllowed };
      const input = { name, region, algorithm, ...settings, imported: toImported(given) };
      return answer(context, await createKey(deps, callerOf(context), input));
    },

    async getKey({ id }, context) {
      const { key, rewrapRemaining } = await getKey(deps, callerOf(context), id);
      return { key: toKeyMessage(key, rewrapRemaining) };
    },

    async listKeys({ region, states, name, labels, pageSize, pageToken }, context) {
      const filter = { region, states: toKeyStates(states), labels, ...(name === "" ? {} : { name }) };
      const input = { ...filter, pageSize, pageToken };
      const { items, nextPageToken } = await listKeys(deps, callerOf(context), input);
      return { keys: items.map((key) => toKeyMessage(key)), nextPageToken };
    },

    async updateKey({ key, updateMask }, context) {
      if (!key) throw new Error("the schema requires a key");
      const change = toKeyChange(key, updateMask);
      return answer(context, await updateKey(deps, callerOf(context), { ...target(key), change }));
    },

    async rotateKey(request, context) {
      return answer(context, await rotateKey(deps, callerOf(context), target(request)));
    },

    async disableKey(request, context) {
      return answer(context, await disableKey(deps, callerOf(context), target(request)));
    },

    async enableKey(request, context) {
      return answer(context, await enableKey(deps, callerOf(context), target(request)));
    },

    async scheduleKeyDestruction(request, context) {
      const destroyAfterMs = request.destroyAfter && durationMs(request.destroyAfter);
      const input = { ...target(request), destroyAfterMs };
      return answer(context, await scheduleKeyDestruction(deps, callerOf(context), input));
    },

    async cancelKeyDestruction(request, context) {
      return answer(context, await cancelKeyDestruction(deps, callerOf(context), target(request)));
    },
  };
}

function target({ id, etag }: { id: string; etag: string }) {
  return { kmsKeyId: id, etag: toEtag(etag) };
}

function answer(context: HandlerContext, outcome: MutationResult<KmsKeyRecord>) {
  return { key: toKeyMessage(resourceOf(context, outcome)) };
}
