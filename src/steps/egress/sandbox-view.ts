// Reads a sandbox and its current bindings for callers.
import { type Sandbox, sandboxNotFound } from "../../domain/egress/sandbox.ts";
import type { Sql } from "../../store/database.ts";
import { type BoundSecret, listBoundSecrets } from "../../store/sandbox-bindings.ts";
import { findSandbox } from "../../store/sandboxes.ts";

export interface ShownBinding {
  envKey: string;
  secretId: string;
  secretName: string;
  /** Empty for callers who may not see it. */
  placeholder: string;
  /** The secret is deleted, or its egress rule was removed. */
  isRevoked: boolean;
}

export interface SandboxView extends Sandbox {
  metadata: Readonly<Record<string, string>>;
  bindings: readonly ShownBinding[];
}

/** Fails with SANDBOX_NOT_FOUND. */
export async function sandboxView(
  sql: Sql,
  workspaceId: string,
  sandboxId: string,
  withPlaceholders: boolean,
): Promise<SandboxView> {
  const sandbox = await findSandbox(sql, workspaceId, sandboxId);
  if (!sandbox) throw sandboxNotFound();
  const [view] = await sandboxViews(sql, workspaceId, [sandbox], withPlaceholders);
  return view as SandboxView;
}

/** Returns them in the order of the sandboxes. */
export async function sandboxViews(
  sql: Sql,
  workspaceId: string,
  sandboxes: readonly (Sandbox & Pick<SandboxView, "metadata">)[],
  withPlaceholders: boolean,
): Promise<SandboxView[]> {
  const ids = sandboxes.map(({ sandboxId }) => sandboxId);
  const bound = Map.groupBy(await listBoundSecrets(sql, workspaceId, ids), ({ sandboxId }) => sandboxId);
  return sandboxes.map(({ sandboxId, name, sourceAddress, network, createTime, metadata }) => {
    const bindings = (bound.get(sandboxId) ?? []).map((each) => bindingView(each, withPlaceholders));
    return { workspaceId, sandboxId, name, sourceAddress, network, createTime, metadata, bindings };
  });
}

function bindingView(
  { envKey, secretId, secret, placeholder, isActive, rule }: BoundSecret,
  withPlaceholders: boolean,
): ShownBinding {
  const isRevoked = !isActive || rule === undefined;
  return { envKey, secretId, secretName: secret.name, placeholder: withPlaceholders ? placeholder : "", isRevoked };
}
