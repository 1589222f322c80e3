// RotateSandboxToken: gives a sandbox a new token and ends the former one.

import { sandboxNotFound } from "../../domain/egress/sandbox.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { checkAuthentic, coveredOfSandbox, macOf } from "../../integrity/row-macs.ts";
import { authorize, authorizeAt } from "../../steps/authorize.ts";
import { type OpenEnvVarsDeps, openEnvVars } from "../../steps/egress/env-vars.ts";
import { newSandboxToken } from "../../steps/egress/sandbox-token.ts";
import { sandboxView } from "../../steps/egress/sandbox-view.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { listBoundSecrets } from "../../store/sandbox-bindings.ts";
import { findSandbox, lockSandbox, updateSandbox } from "../../store/sandboxes.ts";
import { type OpenedSandbox, replayedSandbox } from "./create-sandbox.ts";

/**
 * The token gives the use of every bound secret, so the caller needs the permissions to make a sandbox with these secrets. Fails with
 * SANDBOX_NOT_FOUND, KEY_NOT_ACTIVE or VALUE_CORRUPT.
 */
export async function rotateSandboxToken(
  deps: MutationDeps & OpenEnvVarsDeps,
  caller: Caller,
  sandboxId: string,
): Promise<MutationResult<OpenedSandbox>> {
  const grant = authorize(caller, "egress.create");
  const { workspaceId } = grant;
  return mutate(deps, caller, {
    grant,
    async prepare() {
      const found = await findSandbox(deps.database, workspaceId, sandboxId);
      if (!found) throw sandboxNotFound();
      // Before the change: if the variables cannot be opened, the token stays valid.
      const envVars = await openEnvVars(deps, found);
      return { subject: { resourceType: "sandbox", resourceId: sandboxId }, envVars, token: newSandboxToken(deps) };
    },
    async apply(tx, { envVars, token: { text, ...token } }) {
      const sandbox = await lockSandbox(tx, workspaceId, sandboxId);
      if (!sandbox) throw sandboxNotFound();
      checkAuthentic(deps.deploymentKeys, coveredOfSandbox(sandbox), sandbox.mac);
      const bound = await listBoundSecrets(tx, workspaceId, [sandboxId]);
      if (bound.length > 0) authorize(caller, "egress.bind");
      for (const { secret } of bound) authorizeAt(caller, "secrets.use", secret);
      const next = { ...sandbox, ...token };
      await updateSandbox(tx, { ...next, mac: macOf(deps.deploymentKeys, coveredOfSandbox(next)) });
      return { sandbox: await sandboxView(tx, workspaceId, sandboxId, true), envVars, token: text };
    },
    replay: (sql, id) => replayedSandbox(deps, sql, workspaceId, id),
  });
}
