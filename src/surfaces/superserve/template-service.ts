// Superserve's requests about templates. They are for machines, which coffer does not have, so every call fails.
import type { ServiceImpl } from "@connectrpc/connect";
import type { TemplateService } from "../../../gen/coffer/rest/superserve/v1/template_service_pb.ts";
import { machineUnsupported } from "./sandbox-requests.ts";

function refuse(): never {
  throw machineUnsupported("templates");
}

export const superserveTemplateService: ServiceImpl<typeof TemplateService> = {
  createTemplate: refuse,
  listTemplates: refuse,
  getTemplate: refuse,
  deleteTemplate: refuse,
  createTemplateBuild: refuse,
  listTemplateBuilds: refuse,
  getTemplateBuild: refuse,
  deleteTemplateBuild: refuse,
  listTemplateBuildLogs: refuse,
};
