// Finds secrets that a caller may bind to a sandbox, and makes the bindings.

import type { EgressRule } from "../../domain/egress/egress-rule.ts";
import { customShape, newPlaceholder } from "../../domain/egress/placeholder.ts";
import { providerNamed } from "../../domain/egress/providers.ts";
import { noEgressRule } from "../../domain/egress/sandbox.ts";
import { checkActive, type Secret } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { checkAuthentic, coveredOfBinding, coveredOfEgressRule, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { findEgressRule } from "../../store/egress-rules.ts";
import type { StoredBinding } from "../../store/rows/sandbox-binding.ts";
import { authorizeFound } from "../authorize.ts";
import { authorizeSecret } from "../secrets/authorize-secret.ts";
import { findSecretOrFail } from "../secrets/find.ts";
import { refOf, type SecretRefInput } from "../secrets/secret-ref.ts";
import { placeholderMac } from "./placeholders.ts";

export type BindDeps = Pick<Deps, "database" | "regions" | "deploymentKeys" | "random">;

export interface BindableSecret {
  secret: Secret;
  rule: EgressRule;
}

/**
 * The secret is not locked: the proxy checks it at every use. Fails with SECRET_NOT_FOUND,
 * SECRET_SOFT_DELETED, NO_EGRESS_RULE or VALUE_CORRUPT.
 */
export async function findBindable(deps: BindDeps, caller: Caller, input: SecretRefInput): Promise<BindableSecret> {
  const { workspaceId } = await authorizeSecret(deps, caller, "secrets.use", input);
  const secret = await findSecretOrFail(deps, deps.database, workspaceId, refOf(deps, input));
  authorizeFound(caller, "secrets.use", secret);
  checkActive(secret);
  const { secretId } = secret;
  const stored = await findEgressRule(deps.database, { workspaceId, secretId });
  if (!stored) throw noEgressRule(secretId);
  const { rule, mac } = stored;
  checkAuthentic(deps.deploymentKeys, coveredOfEgressRule({ workspaceId, secretId, rule }), mac);
  return { secret, rule };
}

/** Makes a binding with a new placeholder in the shape that programs expect of such a credential. */
export function newBinding(
  { deploymentKeys, random }: BindDeps,
  { principalId: boundBy }: Caller,
  sandboxId: string,
  envKey: string,
  { secret: { workspaceId, secretId }, rule }: BindableSecret,
): StoredBinding {
  const preset = rule.provider === undefined ? undefined : providerNamed(rule.provider);
  const placeholder = newPlaceholder(preset?.placeholder ?? customShape, random, placeholderMac(deploymentKeys));
  const binding = { workspaceId, sandboxId, envKey, secretId, placeholder, boundBy };
  return { ...binding, mac: macOf(deploymentKeys, coveredOfBinding(binding)) };
}
