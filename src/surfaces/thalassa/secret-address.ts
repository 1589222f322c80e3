// The region and path of a secret in a request. The path is in the URL or in a field.

import { CofferError, invalidField } from "../../domain/error/errors.ts";
import { checkSecretName } from "../../domain/secret-name.ts";
import type { Deps } from "../../runtime/deps.ts";

/** Returns the region in the URL. Fails with ROUTE_NOT_FOUND if it is not configured. */
export function regionIn({ regions }: Pick<Deps, "regions">, name: string): string {
  if (regions.includes(name)) return name;
  throw new CofferError(
    "ROUTE_NOT_FOUND",
    `region ${JSON.stringify(name)} is not configured; available: ${regions.join(", ")}`,
  );
}

interface SecretAddress {
  region: string;
  /** Without its leading slash; empty: not in the URL. */
  urlPath: string;
  path: string;
}

/** Returns the name and region of the secret. Fails with ROUTE_NOT_FOUND, or with FIELD_INVALID for `path`. */
export function secretAt(deps: Pick<Deps, "regions">, { region, urlPath, path }: SecretAddress) {
  const name = urlPath === "" ? path : `/${urlPath}`;
  if (path !== "" && path !== name) throw invalidField("path", "must be the path in the URL");
  if (name === "") throw invalidField("path", "is required");
  if (!/^\/[A-Za-z0-9/_.+-]*$/.test(name)) {
    throw invalidField("path", "must begin with a slash and hold only A-Z a-z 0-9 / _ - . +");
  }
  checkSecretName(name, "path");
  return { name, region: regionIn(deps, region) };
}
