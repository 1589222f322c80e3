// The Thalassa Cloud surface for the REST gateway.
import { KeyService } from "../../../gen/coffer/rest/thalassa/v1/key_service_pb.ts";
import { SecretService } from "../../../gen/coffer/rest/thalassa/v1/secret_service_pb.ts";
import type { RestSurface } from "../rest-surface.ts";
import { renderThalassaError } from "./errors.ts";
import { organisationHeader, projectHeader } from "./headers.ts";

export const thalassaSurface: RestSurface = {
  name: "thalassa",
  services: [SecretService, KeyService],
  // An organisation and its project are one thing in coffer: the workspace.
  workspace: { name: organisationHeader, isRequired: true, projectName: projectHeader },
  fieldNames: "json",
  nullWhenUnset: false,
  exactJson: false,
  renderError: renderThalassaError,
};
