// coffer.v1.TokenService over the operations on API tokens.

import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type ApiToken as ApiTokenMessage,
  ApiTokenSchema,
  Role as RoleMessage,
  type TokenService,
} from "../../../gen/coffer/v1/token_service_pb.ts";
import { callerOf } from "../../call/caller.ts";
import { resourceOf } from "../../call/resource-of.ts";
import { toTimestamp } from "../../call/timestamp.ts";
import { etagOf } from "../../domain/secret/secret.ts";
import type { ApiToken } from "../../domain/workspace/workspace.ts";
import { createToken } from "../../operations/tokens/create.ts";
import { listTokens } from "../../operations/tokens/list.ts";
import { revokeToken } from "../../operations/tokens/revoke.ts";
import { rotateToken } from "../../operations/tokens/rotate.ts";
import type { Deps } from "../../runtime/deps.ts";
import { roleMessages, roles } from "./roles.ts";
import { toEtag, toExpiration } from "./secret-requests.ts";

export function tokenService(deps: Deps): ServiceImpl<typeof TokenService> {
  return {
    async createToken(request, context) {
      const outcome = await createToken(deps, callerOf(context), {
        displayName: request.displayName,
        role: roles[request.role],
        scopes: request.scopes,
        expiration: toExpiration(request),
        everyWorkspace: request.everyWorkspace,
      });
      const { apiToken, text } = resourceOf(context, outcome);
      return { apiToken: toTokenMessage(apiToken), token: text };
    },

    async listTokens({ pageSize, pageToken }, context) {
      const { items, nextPageToken } = await listTokens(deps, callerOf(context), { pageSize, pageToken });
      return { apiTokens: items.map(toTokenMessage), nextPageToken };
    },

    async rotateToken({ id, etag }, context) {
      const outcome = await rotateToken(deps, callerOf(context), { tokenId: id, etag: toEtag(etag) });
      const { apiToken, text } = resourceOf(context, outcome);
      return { apiToken: toTokenMessage(apiToken), token: text };
    },

    async revokeToken({ id, etag }, context) {
      const outcome = await revokeToken(deps, callerOf(context), { tokenId: id, etag: toEtag(etag) });
      return { apiToken: toTokenMessage(resourceOf(context, outcome)) };
    },

    whoAmI(_request, context) {
      const { principalId, tokenId, membership } = callerOf(context);
      return {
        principalId,
        tokenId,
        workspaceId: membership?.workspaceId ?? "",
        role: membership ? roleMessages[membership.role] : RoleMessage.UNSPECIFIED,
        permissions: [...(membership?.permissions ?? [])].sort(),
      };
    },
  };
}

function toTokenMessage(token: ApiToken): ApiTokenMessage {
  return create(ApiTokenSchema, {
    id: token.tokenId,
    principalId: token.principalId,
    workspaceId: token.workspaceId ?? "",
    displayName: token.displayName,
    prefix: token.prefix,
    scopes: token.scopes,
    createTime: toTimestamp(token.createTime),
    expireTime: toTimestamp(token.expireTime),
    revokeTime: toTimestamp(token.revokeTime),
    lastUsedTime: toTimestamp(token.lastUsedTime),
    etag: etagOf(token),
  });
}
