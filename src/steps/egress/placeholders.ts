// Computes the MAC of placeholders, and finds the sandbox of a placeholder.
import type { PlaceholderMac } from "../../domain/egress/placeholder.ts";
import type { Refusal } from "../../domain/egress/refusal.ts";
import type { EgressSandbox } from "../../domain/egress/sandbox.ts";
import type { DeploymentKeys } from "../../envelope/deployment-keys.ts";
import { macRow } from "../../envelope/mac.ts";
import type { Sql } from "../../store/database.ts";
import { findPlaceholderHolder } from "../../store/sandbox-bindings.ts";

export function placeholderMac({ rowMacKey }: Pick<DeploymentKeys, "rowMacKey">): PlaceholderMac {
  return (text) => macRow(rowMacKey, "placeholder/v1", [text]);
}

/** Returns why a request with a placeholder that the sandbox does not hold is refused: the sandbox had it before, or never. */
export async function refusalOfForeignPlaceholder(
  sql: Sql,
  { workspaceId, sandboxId }: Pick<EgressSandbox, "workspaceId" | "sandboxId">,
  placeholder: string,
): Promise<Refusal> {
  const holder = await findPlaceholderHolder(sql, workspaceId, placeholder);
  if (!holder) return { code: "credential_foreign" };
  const { secretId } = holder;
  return { code: holder.sandboxId === sandboxId ? "credential_revoked" : "credential_foreign", secretId };
}
