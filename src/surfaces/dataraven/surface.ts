// The DataRaven surface for the REST gateway.
import { SecretService } from "../../../gen/coffer/rest/dataraven/v1/secret_service_pb.ts";
import { VaultConnectionService } from "../../../gen/coffer/rest/dataraven/v1/vault_connection_service_pb.ts";
import { idOfUuid } from "../../domain/ids.ts";
import type { RestSurface } from "../rest-surface.ts";
import { renderDataRavenError } from "./errors.ts";
import { renderDataRavenHeaders } from "./headers.ts";

export const dataRavenSurface: RestSurface = {
  name: "dataraven",
  services: [SecretService, VaultConnectionService],
  // A team's UUID and a workspace's id name the same row.
  workspace: { field: "teamId", toWorkspaceId: (text) => idOfUuid("ws", text) ?? text },
  fieldNames: "proto",
  nullWhenUnset: true,
  exactJson: true,
  renderError: renderDataRavenError,
  renderHeaders: renderDataRavenHeaders,
};
