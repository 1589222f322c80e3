// The Thalassa Cloud API.
import { KeyService } from "../../../gen/coffer/rest/thalassa/v1/key_service_pb.ts";
import { SecretService } from "../../../gen/coffer/rest/thalassa/v1/secret_service_pb.ts";
import { tokenCredential } from "../../call/credential.ts";
import { servedService } from "../../call/surface.ts";
import { workspaceHeader } from "../../call/workspace-header.ts";
import type { TranscodedApi } from "../transcoded/api.ts";
import { showThalassaError } from "./errors.ts";
import { organisationHeader, projectHeader } from "./headers.ts";
import { thalassaKeyService } from "./key-service.ts";
import { thalassaSecretService } from "./secret-service.ts";

export const thalassaApi: TranscodedApi = {
  name: "thalassa",
  services: [servedService(SecretService, thalassaSecretService), servedService(KeyService, thalassaKeyService)],
  ...tokenCredential,
  // An organisation and its project are one thing in coffer: the workspace.
  ...workspaceHeader({ name: organisationHeader, isRequired: true, projectName: projectHeader }),
  singleHeaders: [organisationHeader, projectHeader].map((name) => name.toLowerCase()),
  fieldNames: "json",
  nullWhenUnset: false,
  exactJson: false,
  showError: showThalassaError,
};
