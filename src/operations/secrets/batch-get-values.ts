// BatchGetSecretValues: many values, each with its own result or error.

import { CofferError, denialIn, invalidField } from "../../domain/error/errors.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { denialEvent } from "../../runtime/audit-denials.ts";
import { authorizeSomewhere } from "../../steps/authorize.ts";
import { askedSecret } from "../../steps/secrets/report-corrupt.ts";
import { type GetValueDeps, type GetValueInput, getSecretValue, type SecretValue } from "./get-value.ts";

export type BatchResult = { value: SecretValue } | { error: CofferError };

/** One item of a batch; the workspace it names is empty or that of the call. */
export interface BatchItem extends GetValueInput {
  workspaceId: string;
}

// A batch must leave connections for other calls.
const atOnceMax = 4;

/** Returns results in the order of the items. If the permission is missing at every path, the whole call fails. */
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
      results[index] = await resultOf(itemValue(deps, caller, item));
    }
  };
  await Promise.all(Array.from({ length: atOnceMax }, work));
  return results;
}

/** The whole call succeeds, so denied items are recorded here. */
async function itemValue(deps: GetValueDeps, caller: Caller, item: BatchItem): Promise<SecretValue> {
  try {
    return await getSecretValue(deps, caller, item);
  } catch (error) {
    const denial = error instanceof CofferError ? denialIn(error) : undefined;
    if (denial) {
      const asked = askedSecret(item.secret);
      const resourceId = denial.metadata["id"] ?? asked.resourceId;
      await deps.audit.record(denialEvent(deps, caller, denial, { ...asked, resourceId }));
    }
    throw error;
  }
}

async function resultOf(value: Promise<SecretValue>): Promise<BatchResult> {
  try {
    return { value: await value };
  } catch (error) {
    if (error instanceof CofferError) return { error };
    throw error;
  }
}
