// The Akua API.
import { SecretService } from "../../../gen/coffer/rest/akua/v1/secret_service_pb.ts";
import { SecretVersionService } from "../../../gen/coffer/rest/akua/v1/version_service_pb.ts";
import { tokenCredential } from "../../call/credential.ts";
import { servedService } from "../../call/surface.ts";
import { workspaceHeader } from "../../call/workspace-header.ts";
import type { TranscodedApi } from "../transcoded/api.ts";
import { showAkuaError } from "./errors.ts";
import { contextHeader } from "./headers.ts";
import { akuaSecretService } from "./secret-service.ts";
import { akuaVersionService } from "./version-service.ts";

export const akuaApi: TranscodedApi = {
  name: "akua",
  services: [
    servedService(SecretService, (deps, { consoleUrl }) => akuaSecretService(deps, consoleUrl)),
    servedService(SecretVersionService, akuaVersionService),
  ],
  ...tokenCredential,
  ...workspaceHeader({ name: contextHeader, isRequired: false }),
  singleHeaders: [contextHeader],
  fieldNames: "proto",
  nullWhenUnset: false,
  exactJson: true,
  showError: showAkuaError,
};
