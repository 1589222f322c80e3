// BatchGetSecretValues: many values, each with its own result or error.
import type { Caller } from "../../domain/caller.ts";
import { CofferError, denialIn, invalidField } from "../../domain/errors.ts";
import { auditEvent } from "../audit-trail.ts";
import { authorizeSomewhere } from "../authorize.ts";
import { type GetValueDeps, type GetValueInput, getSecretValue, type SecretValue } from "./get-value.ts";

export type BatchResult = { value: SecretValue } | { error: CofferError };

/** One item of a batch; the workspace it names is empty or that of the call. */
export interface BatchItem extends GetValueInput {
  workspaceId: string;
}

// A batch leaves connections for others.
const atOnceMax = 4;

/** Results in the order of the items. A permission that is missing at every path fails the call as a whole. */
export async function batchGetSecretValues(
  deps: GetValueDeps,
  caller: Caller,
  items: readonly BatchItem[],
): Promise<BatchResult[]> {
  const { workspaceId } = authorizeSomewhere(caller, "versions.access");
  for (const [index, item] of items.entries()) {
    if (item.workspaceId !== "" && item.workspaceId !== workspaceId) {
      throw invalidField(`requests[${index}].workspace_id`, "must be empty or the workspace of the batch");
    }
  }
  const results: BatchResult[] = [];
  const waiting = [...items.entries()];
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, item] = next;
      results[index] = await resultOf(deps, caller, getSecretValue(deps, caller, item));
    }
  };
  await Promise.all(Array.from({ length: atOnceMax }, work));
  return results;
}

async function resultOf(deps: GetValueDeps, caller: Caller, value: Promise<SecretValue>): Promise<BatchResult> {
  try {
    return { value: await value };
  } catch (error) {
    if (!(error instanceof CofferError)) throw error;
    const denial = denialIn(error);
    if (denial) await deps.audit.record(denialOf(deps, caller, denial));
    return { error };
  }
}

/** The call as a whole succeeds, and so tells of no denial. */
function denialOf(deps: GetValueDeps, caller: Caller, { reason, metadata }: CofferError) {
  const outcome = { decision: "DENY", rule: metadata["permission"] ?? reason, result: reason } as const;
  return auditEvent(deps, caller, outcome, { resourceType: "secret", resourceId: "" });
}
