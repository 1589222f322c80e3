// The Superserve API.
import { SandboxService } from "../../../gen/coffer/rest/superserve/v1/sandbox_service_pb.ts";
import { SecretService } from "../../../gen/coffer/rest/superserve/v1/secret_service_pb.ts";
import { TemplateService } from "../../../gen/coffer/rest/superserve/v1/template_service_pb.ts";
import { tokenCredential } from "../../call/credential.ts";
import { servedService } from "../../call/surface.ts";
import { workspaceHeader } from "../../call/workspace-header.ts";
import type { TranscodedApi } from "../transcoded/api.ts";
import { showSuperserveError } from "./errors.ts";
import { superserveSandboxService } from "./sandbox-service.ts";
import { superserveSecretService } from "./secret-service.ts";
import { superserveTemplateService } from "./template-service.ts";

export const superserveApi: TranscodedApi = {
  name: "superserve",
  services: [
    servedService(SecretService, superserveSecretService),
    servedService(SandboxService, (deps, { egressUrl }) => superserveSandboxService(deps, egressUrl)),
    servedService(TemplateService, () => superserveTemplateService),
  ],
  ...tokenCredential,
  // Superserve's keys belong to one team: only tokens that reach several workspaces need the header.
  ...workspaceHeader({ name: "x-workspace-id", isRequired: false }),
  singleHeaders: [],
  fieldNames: "proto",
  nullWhenUnset: false,
  exactJson: true,
  showError: showSuperserveError,
};
