// Akua's documented requests over the operations on the versions of a secret.
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { SecretVersionService } from "../../../gen/coffer/rest/akua/v1/version_service_pb.ts";
import { callerOf } from "../../call/caller.ts";
import { resourceOf } from "../../call/resource-of.ts";
import { CofferError } from "../../domain/error/errors.ts";
import { isId } from "../../domain/ids.ts";
import { secretNotFound } from "../../domain/secret/secret.ts";
import type { SecretVersion } from "../../domain/secret/version.ts";
import { isVersionAlias, versionNotFound } from "../../domain/secret/version.ts";
import { getSecretValue } from "../../operations/secrets/get-value.ts";
import { addSecretVersion } from "../../operations/versions/add.ts";
import { destroySecretVersion } from "../../operations/versions/destroy.ts";
import { disableSecretVersion } from "../../operations/versions/disable.ts";
import { enableSecretVersion } from "../../operations/versions/enable.ts";
import { getSecretVersion } from "../../operations/versions/get.ts";
import { listSecretVersions } from "../../operations/versions/list.ts";
import type { Deps } from "../../runtime/deps.ts";
import { ifMatch, showEtag } from "./headers.ts";
import { toVersionMessage, versionStateNamed } from "./messages.ts";
import { toPage } from "./page.ts";
import { newValueInput, textOf } from "./value.ts";

export function akuaVersionService(deps: Deps): ServiceImpl<typeof SecretVersionService> {
  return {
    async createSecretVersion({ id, value, comment = "" }, context) {
      const input = { secret: { id }, value: newValueInput(value), comment, expectedCurrentVersion: undefined };
      const outcome = await addSecretVersion(deps, callerOf(context), input).catch(hideDeleted);
      return answer(context, resourceOf(context, outcome));
    },

    async listSecretVersions({ id, cursor, limit = 0, state }, context) {
      const states = state === undefined ? [] : [versionStateNamed(state)];
      const input = { secret: { id }, states, pageSize: limit, pageToken: cursor };
      return toPage(listSecretVersions(deps, callerOf(context), input), toVersionMessage);
    },

    async getSecretVersion({ id, vid }, context) {
      const input = { secret: { id }, version: toVersionId(vid) };
      return answer(context, await getSecretVersion(deps, callerOf(context), input));
    },

    async enableSecretVersion(request, context) {
      const outcome = await enableSecretVersion(deps, callerOf(context), toChange(request, context));
      return answer(context, resourceOf(context, outcome));
    },

    async disableSecretVersion(request, context) {
      const outcome = await disableSecretVersion(deps, callerOf(context), toChange(request, context));
      return answer(context, resourceOf(context, outcome));
    },

    async destroySecretVersion(request, context) {
      const input = { ...toChange(request, context), destroyAfterMs: undefined };
      const outcome = await destroySecretVersion(deps, callerOf(context), input);
      return answer(context, resourceOf(context, outcome));
    },

    async accessSecretVersion({ id, vid }, context) {
      const input = { secret: { id }, version: toVersionName(vid) };
      return { value: textOf(await getSecretValue(deps, callerOf(context), input)) };
    },
  };
}

function toChange({ id, vid }: { id: string; vid: string }, context: HandlerContext) {
  return { secret: { id }, version: toVersionId(vid), etag: ifMatch(context) };
}

function answer(context: HandlerContext, version: SecretVersion) {
  showEtag(context, version);
  return { version: toVersionMessage(version) };
}

/** Akua documents no conflict with the state of the secret here, so a soft-deleted secret is not found. */
function hideDeleted(error: unknown): never {
  throw error instanceof CofferError && error.reason === "SECRET_SOFT_DELETED" ? secretNotFound() : error;
}

/** Returns the id of a version. Other texts are not found. */
function toVersionId(vid: string): string {
  if (isId("secv", vid)) return vid;
  throw versionNotFound();
}

/** Returns the id of a version, `latest` or an alias. Other texts are not found, because Akua documents no 400 here. */
function toVersionName(vid: string): string {
  if (isId("secv", vid) || isVersionAlias(vid)) return vid;
  throw versionNotFound();
}
