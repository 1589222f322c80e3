// TestPermissions: what the caller itself may do at a path.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import { checkAll, invalidField } from "../../domain/errors.ts";
import { isPermission } from "../../domain/permission.ts";
import { checkSecretName, pathOf } from "../../domain/secret-name.ts";
import { authorizeOwn, holds, holdsAt } from "../authorize.ts";
import { regionOf } from "../secrets/region.ts";

export interface TestPermissionsInput {
  permissions: readonly string[];
  /** Every path when empty. */
  path: string;
  /** The default one when empty. */
  region: string;
}

/** Those of the permissions that the caller holds there, in their order. */
export function testPermissions(
  deps: Pick<Deps, "regions">,
  caller: Caller,
  { permissions, path, region }: TestPermissionsInput,
): string[] {
  authorizeOwn(caller, "secrets.read");
  checkAll(
    ...permissions.map((permission, index) => () => checkPermission(permission, `permissions[${index}]`)),
    () => path !== "" && checkSecretName(path, "path"),
    () => regionOf(deps, region),
  );
  const place = { region: regionOf(deps, region), path: pathOf(path) };
  return permissions
    .filter(isPermission)
    .filter((permission) => (path === "" ? holds(caller, permission) : holdsAt(caller, permission, place)));
}

function checkPermission(permission: string, field: string): void {
  if (!isPermission(permission)) throw invalidField(field, "must be a permission such as `secrets.read`");
}
