// UpdateSandbox: changes the tags of a sandbox and the hosts that it may use.

import { type NetworkLimits, readNetworkLimits } from "../../domain/egress/network-limits.ts";
import { sandboxNotFound } from "../../domain/egress/sandbox.ts";
import { checkMetadata } from "../../domain/egress/sandbox-fields.ts";
import { checkAll } from "../../domain/error/errors.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { checkAuthentic, coveredOfSandbox, macOf } from "../../integrity/row-macs.ts";
import { authorize, holds } from "../../steps/authorize.ts";
import type { OpenEnvVarsDeps } from "../../steps/egress/env-vars.ts";
import { type SandboxView, sandboxView } from "../../steps/egress/sandbox-view.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { lockSandbox, updateSandbox as writeSandbox } from "../../store/sandboxes.ts";

export interface UpdateSandboxInput {
  sandboxId: string;
  /** Replaces all tags; undefined: no change. */
  metadata: Readonly<Record<string, string>> | undefined;
  /** Replaces both lists; undefined: no change. */
  network: NetworkLimits | undefined;
}

/** Fails with SANDBOX_NOT_FOUND, VALUE_CORRUPT or FIELD_INVALID. */
export async function updateSandbox(
  deps: MutationDeps & Pick<OpenEnvVarsDeps, "deploymentKeys">,
  caller: Caller,
  { sandboxId, metadata, network }: UpdateSandboxInput,
): Promise<MutationResult<SandboxView>> {
  const grant = authorize(caller, "egress.update");
  const { workspaceId } = grant;
  checkAll(
    () => metadata && checkMetadata(metadata),
    () => network && readNetworkLimits(network),
  );
  const mayBind = holds(caller, "egress.bind");
  return mutate(deps, caller, {
    grant,
    prepare: async () => ({ subject: { resourceType: "sandbox", resourceId: sandboxId } }),
    async apply(tx) {
      const sandbox = await lockSandbox(tx, workspaceId, sandboxId);
      if (!sandbox) throw sandboxNotFound();
      checkAuthentic(deps.deploymentKeys, coveredOfSandbox(sandbox), sandbox.mac);
      const next = {
        ...sandbox,
        metadata: metadata ?? sandbox.metadata,
        network: network ? readNetworkLimits(network) : sandbox.network,
      };
      await writeSandbox(tx, { ...next, mac: macOf(deps.deploymentKeys, coveredOfSandbox(next)) });
      return sandboxView(tx, workspaceId, sandboxId, mayBind);
    },
    replay: (sql, id) => sandboxView(sql, workspaceId, id, mayBind),
  });
}
