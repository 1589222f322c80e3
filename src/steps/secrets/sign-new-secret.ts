// Signs the row of a new secret: who gets its values, where its credential is sent, and where its value may go.

import { isCredentialKind } from "../../domain/credential/kinds.ts";
import { coveredOfCredential, coveredOfEgressRule, coveredOfSecret, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { NewSecret } from "../../store/secrets.ts";

export type UnsignedNewSecret = Omit<NewSecret, "rowMac" | "credentialMac" | "egressMac">;

export function signNewSecret({ deploymentKeys }: Pick<Deps, "deploymentKeys">, secret: UnsignedNewSecret): NewSecret {
  const { workspaceId, secretId, kind, egress } = secret;
  return {
    ...secret,
    rowMac: macOf(deploymentKeys, coveredOfSecret(secret)),
    credentialMac: isCredentialKind(kind) ? macOf(deploymentKeys, coveredOfCredential(secret)) : undefined,
    egressMac: egress && macOf(deploymentKeys, coveredOfEgressRule({ workspaceId, secretId, rule: egress })),
  };
}
