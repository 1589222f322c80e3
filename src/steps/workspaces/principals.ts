// Signs principals, and finds members by name. Statements of access policies refer to principals by name.

import type { Principal } from "../../domain/workspace/workspace.ts";
import type { DeploymentKeys } from "../../envelope/deployment-keys.ts";
import { checkAuthentic, coveredOfMember, coveredOfPrincipal, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { Sql, Tx } from "../../store/database.ts";
import { findMembersByName, findUnsignedPrincipals, insertPrincipal, signPrincipals } from "../../store/principals.ts";

type MacKey = Pick<DeploymentKeys, "rowMacKey">;

const principalsPerStatement = 1_000;

export async function addPrincipal({ deploymentKeys }: Pick<Deps, "deploymentKeys">, tx: Tx, principal: Principal) {
  await insertPrincipal(tx, { ...principal, mac: macOf(deploymentKeys, coveredOfPrincipal(principal)) });
}

/** Returns the ids of the members who have these names, by name. Fails with VALUE_CORRUPT if SQL named or added one of them. */
export async function memberIdsByName(
  { deploymentKeys }: Pick<Deps, "deploymentKeys">,
  sql: Sql,
  workspaceId: string,
  names: readonly string[],
): Promise<Map<string, string[]>> {
  if (names.length === 0) return new Map();
  const found = await findMembersByName(sql, workspaceId, names);
  for (const { member, principal } of found) {
    checkAuthentic(deploymentKeys, coveredOfMember(member), member.mac);
    checkAuthentic(deploymentKeys, coveredOfPrincipal(principal), principal.mac);
  }
  const byName = Map.groupBy(found, ({ principal }) => principal.displayName);
  return new Map([...byName].map(([name, all]) => [name, all.map(({ principal }) => principal.principalId)]));
}

/** Signs the principals of an older database, once, in a migration. Accepts their names as they are then. */
export async function signStoredPrincipals(keys: MacKey, sql: Sql): Promise<void> {
  for (let after: string | undefined = ""; after !== undefined; ) {
    const found = await findUnsignedPrincipals(sql, after, principalsPerStatement);
    await signPrincipals(
      sql,
      found.map((principal) => ({ ...principal, mac: macOf(keys, coveredOfPrincipal(principal)) })),
    );
    after = found.length === principalsPerStatement ? found.at(-1)?.principalId : undefined;
  }
}
