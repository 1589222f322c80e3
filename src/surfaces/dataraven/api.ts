// The DataRaven API.
import { SecretService } from "../../../gen/coffer/rest/dataraven/v1/secret_service_pb.ts";
import { VaultConnectionService } from "../../../gen/coffer/rest/dataraven/v1/vault_connection_service_pb.ts";
import { tokenCredential } from "../../call/credential.ts";
import { servedService } from "../../call/surface.ts";
import { idOfUuid } from "../../domain/ids.ts";
import type { TranscodedApi } from "../transcoded/api.ts";
import { showDataRavenError } from "./errors.ts";
import { showDataRavenHeaders } from "./headers.ts";
import { dataRavenSecretService } from "./secret-service.ts";
import { dataRavenVaultConnectionService } from "./vault-connection-service.ts";

export const dataRavenApi: TranscodedApi = {
  name: "dataraven",
  services: [
    servedService(SecretService, dataRavenSecretService),
    servedService(VaultConnectionService, dataRavenVaultConnectionService),
  ],
  ...tokenCredential,
  singleHeaders: [],
  // A team's UUID and a workspace's id name the same row.
  toWorkspaceId: (text) => idOfUuid("ws", text) ?? text,
  fieldNames: "proto",
  nullWhenUnset: true,
  exactJson: true,
  showError: showDataRavenError,
  showHeaders: showDataRavenHeaders,
};
