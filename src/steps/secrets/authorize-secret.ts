// Authorizes a call about one secret, by the caller's role or by a rule at the secret's path.

import type { Grant } from "../../domain/access/grant.ts";
import type { Permission } from "../../domain/access/permission.ts";
import { pathOf } from "../../domain/secret-name.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize, authorizeAt, authorizeFound, authorizeSomewhere, dependsOnPath } from "../authorize.ts";
import { findSecretOrFail } from "./find.ts";
import { refOf, type SecretRefInput } from "./secret-ref.ts";

/**
 * By name: fails with PERMISSION_MISSING, whatever exists there. By id: if only rules could allow it, fails with SECRET_NOT_FOUND unless
 * the caller may see the secret. The secret may be renamed before it is used: callers must authorize again on the row they use, with
 * `authorizeFound`, which costs nothing if a role allows it.
 */
export async function authorizeSecret<P extends Permission>(
  deps: Pick<Deps, "database" | "regions" | "deploymentKeys">,
  caller: Caller,
  permission: P,
  input: SecretRefInput,
): Promise<Grant<P>> {
  if (!dependsOnPath(caller, permission)) return authorize(caller, permission);
  const ref = refOf(deps, input);
  if (ref.by === "name") return authorizeAt(caller, permission, { region: ref.region, path: pathOf(ref.name) });
  const { workspaceId } = authorizeSomewhere(caller, permission);
  return authorizeFound(caller, permission, await findSecretOrFail(deps, deps.database, workspaceId, ref));
}
