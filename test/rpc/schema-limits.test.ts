// The schema: every list and map that a request can bring has a largest number of entries.
import type { DescField, DescMessage, DescService } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import * as akuaSecrets from "../../gen/coffer/rest/akua/v1/secret_service_pb.ts";
import * as akuaVersions from "../../gen/coffer/rest/akua/v1/version_service_pb.ts";
import * as dataRavenSecrets from "../../gen/coffer/rest/dataraven/v1/secret_service_pb.ts";
import * as dataRavenVaults from "../../gen/coffer/rest/dataraven/v1/vault_connection_service_pb.ts";
import * as superserveSandboxes from "../../gen/coffer/rest/superserve/v1/sandbox_service_pb.ts";
import * as superserveSecrets from "../../gen/coffer/rest/superserve/v1/secret_service_pb.ts";
import * as superserveTemplates from "../../gen/coffer/rest/superserve/v1/template_service_pb.ts";
import * as thalassaKeys from "../../gen/coffer/rest/thalassa/v1/key_service_pb.ts";
import * as thalassaSecrets from "../../gen/coffer/rest/thalassa/v1/secret_service_pb.ts";
import { AccessService } from "../../gen/coffer/v1/access_service_pb.ts";
import { AuditService } from "../../gen/coffer/v1/audit_service_pb.ts";
import { EgressService } from "../../gen/coffer/v1/egress_service_pb.ts";
import { ExternalVaultService } from "../../gen/coffer/v1/external_vault_service_pb.ts";
import { KeyService } from "../../gen/coffer/v1/key_service_pb.ts";
import { SecretService } from "../../gen/coffer/v1/secret_service_pb.ts";
import { TokenService } from "../../gen/coffer/v1/token_service_pb.ts";
import { WorkspaceService } from "../../gen/coffer/v1/workspace_service_pb.ts";
import { entriesMaxOf } from "../../src/rpc/entry-limits.ts";

const services: DescService[] = [
  ...[AccessService, AuditService, EgressService, ExternalVaultService],
  ...[KeyService, SecretService, TokenService, WorkspaceService],
  ...[akuaSecrets.SecretService, akuaVersions.SecretVersionService],
  ...[dataRavenSecrets.SecretService, dataRavenVaults.VaultConnectionService],
  ...[superserveSandboxes.SandboxService, superserveSecrets.SecretService, superserveTemplates.TemplateService],
  ...[thalassaKeys.KeyService, thalassaSecrets.SecretService],
];

/** Google's types have no rules of coffer's; the number of all values of a body bounds them. */
const isGoogles = ({ typeName }: DescMessage) => typeName.startsWith("google.");

function unlimitedFields(desc: DescMessage, seen: Set<DescMessage>): DescField[] {
  if (seen.has(desc) || isGoogles(desc)) return [];
  seen.add(desc);
  return desc.fields.flatMap((field) => {
    const isMany = field.fieldKind === "list" || field.fieldKind === "map";
    const nested = field.message ? unlimitedFields(field.message, seen) : [];
    return isMany && entriesMaxOf(field) === undefined ? [field, ...nested] : nested;
  });
}

test("every list and map of a request has a largest number of entries", () => {
  const seen = new Set<DescMessage>();
  const fields = services.flatMap(({ methods }) => methods.flatMap(({ input }) => unlimitedFields(input, seen)));
  expect(fields.map(String)).toEqual([]);
  expect(seen.size).toBeGreaterThan(100);
});
