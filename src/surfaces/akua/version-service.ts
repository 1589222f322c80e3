// Akua's documented requests over the operations on the versions of a secret.
import type { ServiceImpl } from "@connectrpc/connect";
import type { SecretVersionService } from "../../../gen/coffer/rest/akua/v1/version_service_pb.ts";
import type { Deps } from "../../deps.ts";
import { getSecretValue } from "../../operations/secrets/get-value.ts";
import { callerOf } from "../caller.ts";
import { textOf } from "./value.ts";
import { toVersionName } from "./version-name.ts";

export function akuaVersionService(deps: Deps): ServiceImpl<typeof SecretVersionService> {
  return {
    async accessSecretVersion({ id, vid }, context) {
      const input = { secret: { id }, version: toVersionName(vid) };
      return { value: textOf(await getSecretValue(deps, callerOf(context), input)) };
    },
  };
}
