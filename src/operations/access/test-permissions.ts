// TestPermissions: returns which permissions the caller holds at a path.

import { isPermission } from "../../domain/access/permission.ts";
import { checkAll, invalidField } from "../../domain/error/errors.ts";
import { checkSecretName, pathOf } from "../../domain/secret-name.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { coveredOfSecret, isAuthentic } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorizeOwn, holds, holdsAt, holdsFor } from "../../steps/authorize.ts";
import { regionOf } from "../../steps/secrets/region.ts";
import { findSecret } from "../../store/find-secrets.ts";

export interface TestPermissionsInput {
  permissions: readonly string[];
  /** Empty: every path. */
  path: string;
  /** Empty: the default region. */
  region: string;
}

/** Returns the given permissions that the caller holds at the path, for the secret that has it now, in their order. */
export async function testPermissions(
  deps: Pick<Deps, "database" | "deploymentKeys" | "regions">,
  caller: Caller,
  { permissions, path, region }: TestPermissionsInput,
): Promise<string[]> {
  const { workspaceId } = authorizeOwn(caller, "secrets.read");
  checkAll(
    ...permissions.map((permission, index) => () => checkPermission(permission, `permissions[${index}]`)),
    () => path !== "" && checkSecretName(path, "path"),
    () => regionOf(deps, region),
  );
  const known = permissions.filter(isPermission);
  if (path === "") return known.filter((permission) => holds(caller, permission));
  const location = { region: regionOf(deps, region), path: pathOf(path) };
  const held = known.filter((permission) => holdsAt(caller, permission, location));
  const secret = await findSecret(deps.database, workspaceId, { by: "name", name: path, region: location.region });
  if (!secret) return held;
  // Every call fails for a secret that SQL changed.
  if (!isAuthentic(deps.deploymentKeys, coveredOfSecret(secret), secret.rowMac)) return [];
  return held.filter((permission) => holdsFor(caller, permission, secret));
}

function checkPermission(permission: string, field: string): void {
  if (!isPermission(permission)) throw invalidField(field, "must be a permission such as `secrets.read`");
}
