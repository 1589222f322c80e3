// The typed API, coffer.v1.
import { AccessService } from "../../../gen/coffer/v1/access_service_pb.ts";
import { AuditService } from "../../../gen/coffer/v1/audit_service_pb.ts";
import { EgressService } from "../../../gen/coffer/v1/egress_service_pb.ts";
import { ExternalVaultService } from "../../../gen/coffer/v1/external_vault_service_pb.ts";
import { KeyService } from "../../../gen/coffer/v1/key_service_pb.ts";
import { SecretService } from "../../../gen/coffer/v1/secret_service_pb.ts";
import { TokenService } from "../../../gen/coffer/v1/token_service_pb.ts";
import { WorkspaceService } from "../../../gen/coffer/v1/workspace_service_pb.ts";
import { tokenCredential } from "../../call/credential.ts";
import { servedService, type WireApi } from "../../call/surface.ts";
import { accessService } from "./access-service.ts";
import { auditService } from "./audit-service.ts";
import { egressService } from "./egress-service.ts";
import { externalVaultService } from "./external-vault-service.ts";
import { keyService } from "./key-service.ts";
import { secretService } from "./secret-service.ts";
import { tokenService } from "./token-service.ts";
import { workspaceService } from "./workspace-service.ts";

export const cofferApi: WireApi = {
  name: "coffer",
  services: [
    servedService(AccessService, accessService),
    servedService(AuditService, auditService),
    servedService(ExternalVaultService, externalVaultService),
    servedService(EgressService, (deps, { egressUrl }) => egressService(deps, egressUrl)),
    servedService(KeyService, keyService),
    servedService(SecretService, secretService),
    servedService(TokenService, tokenService),
    servedService(WorkspaceService, workspaceService),
  ],
  ...tokenCredential,
  singleHeaders: [],
};
