// coffer.v1.AccessService over the operations on who may do what.
import type { ServiceImpl } from "@connectrpc/connect";
import type { AccessService } from "../../../gen/coffer/v1/access_service_pb.ts";
import type { Deps } from "../../deps.ts";
import { setAccessPolicy } from "../../operations/access/set-policy.ts";
import { resourceOf } from "../answer.ts";
import { callerOf } from "../caller.ts";
import { toAccessPolicy } from "./access-policy-messages.ts";
import { toSecretMessage } from "./secret-messages.ts";
import { toEtag, toSecretRef } from "./secret-requests.ts";

export function accessService(deps: Deps): ServiceImpl<typeof AccessService> {
  return {
    async setAccessPolicy(request, context) {
      const outcome = await setAccessPolicy(deps, callerOf(context), {
        secret: toSecretRef(request),
        etag: toEtag(request.etag),
        accessPolicy: toAccessPolicy(request.accessPolicy),
      });
      return { secret: toSecretMessage(resourceOf(context, outcome)) };
    },
  };
}
