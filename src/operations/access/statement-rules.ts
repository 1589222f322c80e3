// Rules that a secret's access policy is kept as: they come and go with it.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import { newId } from "../../domain/ids.ts";
import { pathPermissionsOf } from "../../domain/permission.ts";
import type { Secret } from "../../domain/secret.ts";
import type { StatementGrant } from "../../domain/statement-rules.ts";
import { deleteRulesOfSecret, insertAccessRules } from "../../store/access-rules.ts";
import type { Tx } from "../../store/database.ts";
import { authorize } from "../authorize.ts";
import { coveredOfAccessRule, macOf } from "../row-macs.ts";
import { checkAllHeld } from "../tokens/grantable.ts";
import { lockRoomForRules } from "./room.ts";

type StatementDeps = Pick<Deps, "deploymentKeys" | "now" | "random">;
type SecretPlace = Pick<Secret, "workspaceId" | "secretId" | "region" | "path">;

const note = "from the access policy of its secret";

/** Fails with PERMISSION_MISSING or GRANT_EXCEEDS_CALLER unless the caller may make such rules; none take nothing. */
export function checkMayGrant(caller: Caller, grants: readonly StatementGrant[]): void {
  if (grants.length === 0) return;
  const { workspaceId } = authorize(caller, "access.create");
  checkAllHeld(caller, workspaceId, pathPermissionsOf(grants.flatMap(({ permissions }) => permissions)));
}

/** Fails with ACCESS_RULE_LIMIT. */
export async function addStatementRules(
  deps: StatementDeps,
  tx: Tx,
  secret: SecretPlace,
  grants: readonly StatementGrant[],
): Promise<void> {
  if (grants.length === 0) return;
  const { workspaceId, secretId, region, path } = secret;
  await lockRoomForRules(tx, workspaceId, grants.length);
  const rules = grants.map(({ principalId, permissions }) => {
    const ruleId = newId("acr", deps.now(), deps.random);
    const rule = { workspaceId, ruleId, subject: { principalId }, permissions, pathPatterns: [path], region, note };
    return { ...rule, mac: macOf(deps.deploymentKeys, coveredOfAccessRule(rule)) };
  });
  await insertAccessRules(tx, secretId, rules);
}

/** Fails with PERMISSION_MISSING where there are earlier rules and the caller may delete none, or with ACCESS_RULE_LIMIT. */
export async function replaceStatementRules(
  deps: StatementDeps,
  tx: Tx,
  caller: Caller,
  secret: SecretPlace,
  grants: readonly StatementGrant[],
): Promise<void> {
  if (await deleteRulesOfSecret(tx, secret)) authorize(caller, "access.delete");
  await addStatementRules(deps, tx, secret, grants);
}
