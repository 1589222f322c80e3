// The Superserve surface for the REST gateway.
import { SandboxService } from "../../../gen/coffer/rest/superserve/v1/sandbox_service_pb.ts";
import { SecretService } from "../../../gen/coffer/rest/superserve/v1/secret_service_pb.ts";
import { TemplateService } from "../../../gen/coffer/rest/superserve/v1/template_service_pb.ts";
import type { RestSurface } from "../rest-surface.ts";
import { renderSuperserveError } from "./errors.ts";

export const superserveSurface: RestSurface = {
  name: "superserve",
  services: [SecretService, SandboxService, TemplateService],
  // Superserve's keys are of one team: only tokens that reach several workspaces need it.
  workspace: { name: "x-workspace-id", isRequired: false },
  fieldNames: "proto",
  nullWhenUnset: false,
  exactJson: true,
  renderError: renderSuperserveError,
};
