// The MACs of rows that decide who gets a value: an SQL UPDATE cannot change what coffer allows. The tables declare what each MAC covers.

import type { AccessRule } from "../domain/access/access-rule.ts";
import type { EgressRule } from "../domain/egress/egress-rule.ts";
import type { Binding } from "../domain/egress/sandbox.ts";
import { CofferError } from "../domain/error/errors.ts";
import type { DeploymentKeys } from "../envelope/deployment-keys.ts";
import { macRow, verifyRow } from "../envelope/mac.ts";
import { accessRuleTable, subjectColumns } from "../store/rows/access-rule.ts";
import { apiTokenTable } from "../store/rows/api-token.ts";
import { auditCutTable } from "../store/rows/audit-cut.ts";
import { egressCaTable } from "../store/rows/egress-ca.ts";
import { kmsKeyTable } from "../store/rows/kms-key.ts";
import { principalTable } from "../store/rows/principal.ts";
import { sandboxTable } from "../store/rows/sandbox.ts";
import { bindingTable } from "../store/rows/sandbox-binding.ts";
import { secretTable } from "../store/rows/secret.ts";
import { versionTable } from "../store/rows/secret-version.ts";
import { vaultConnectionTable } from "../store/rows/vault-connection.ts";
import { workspaceTable } from "../store/rows/workspace.ts";
import { memberTable } from "../store/rows/workspace-member.ts";
import { type Covered, covering } from "./covering.ts";

type MacKey = Pick<DeploymentKeys, "rowMacKey">;

export const coveredOfWorkspace = covering(workspaceTable, "mac");
export const coveredOfMember = covering(memberTable, "mac");
export const coveredOfPrincipal = covering(principalTable, "mac");
export const coveredOfToken = covering(apiTokenTable, "mac");
export const coveredOfKmsKey = covering(kmsKeyTable, "mac");
export const coveredOfSecret = covering(secretTable, "row_mac");
export const coveredOfCredential = covering(secretTable, "credential_mac");
export const coveredOfVersion = covering(versionTable, "mac");
export const coveredOfVaultConnection = covering(vaultConnectionTable, "mac");
export const coveredOfSandbox = covering(sandboxTable, "mac");
export const coveredOfEgressCa = covering(egressCaTable, "mac");
export const coveredOfAuditCut = covering(auditCutTable, "mac");

const accessRuleColumns = covering(accessRuleTable, "mac");

export function coveredOfAccessRule(rule: Omit<AccessRule, "note" | "createTime">): Covered {
  return accessRuleColumns({ ...rule, ...subjectColumns(rule) });
}

const egressRuleColumns = covering(secretTable, "egress_mac");

export function coveredOfEgressRule(row: { workspaceId: string; secretId: string; rule: EgressRule }): Covered {
  return egressRuleColumns({ ...row, egress: row.rule });
}

const bindingColumns = covering(bindingTable, "mac");

export function coveredOfBinding(binding: Binding): Covered {
  return bindingColumns({ ...binding, boundBy: binding.boundBy });
}

export function macOf({ rowMacKey }: MacKey, { label, fields }: Covered): Uint8Array {
  return macRow(rowMacKey, label, fields);
}

export function isAuthentic({ rowMacKey }: MacKey, { label, fields }: Covered, mac: Uint8Array): boolean {
  try {
    return verifyRow(rowMacKey, label, fields, mac);
  } catch (error) {
    // A date or number that coffer never writes, such as `infinity`, has no bytes to hash.
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/** Fails with VALUE_CORRUPT unless the row is as coffer wrote it. */
export function checkAuthentic(keys: MacKey, covered: Covered, mac: Uint8Array): void {
  if (isAuthentic(keys, covered, mac)) return;
  const [table = ""] = covered.label.split("/");
  throw new CofferError("VALUE_CORRUPT", "a stored row does not authenticate", { record: table });
}
