// The Akua surface for the REST gateway.
import { SecretService } from "../../../gen/coffer/rest/akua/v1/secret_service_pb.ts";
import { SecretVersionService } from "../../../gen/coffer/rest/akua/v1/version_service_pb.ts";
import type { RestSurface } from "../rest-surface.ts";
import { renderAkuaError } from "./errors.ts";
import { contextHeader } from "./headers.ts";

export const akuaSurface: RestSurface = {
  name: "akua",
  services: [SecretService, SecretVersionService],
  workspace: { name: contextHeader, isRequired: false },
  fieldNames: "proto",
  nullWhenUnset: false,
  exactJson: true,
  renderError: renderAkuaError,
};
