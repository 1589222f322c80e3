// Seals the audit trail: chains the events that were committed since the last run.
import { advance, firstBounds } from "../domain/audit/event-horizon.ts";
import { sealEvents } from "../operations/audit/seal.ts";
import { findUnsealed, isSealingDue, lockBounds, putBounds } from "../store/audit-seals.ts";
import { readHorizon } from "../store/event-horizon.ts";
import type { Job } from "./job.ts";

const workspacesPerBatch = 20;
const eventsPerBatch = 2_000;

export const sealAuditEvents: Job = {
  name: "SealAuditEvents",
  isDue: isSealingDue,
  async runBatch(deps, tx) {
    // Read outside the transaction, so that the transaction sees all events of the transactions that have ended.
    const seen = await readHorizon(deps.database);
    const known = await lockBounds(tx);
    const isKnown = known && known.next.xact <= seen.next;
    const bounds = advance(isKnown ? known : firstBounds(seen), seen);
    await putBounds(tx, bounds);
    let sealed = 0;
    for (const workspaceId of await findUnsealed(tx, seen, workspacesPerBatch)) {
      sealed += await sealEvents(deps, tx, workspaceId, { seen, bounds });
      if (sealed >= eventsPerBatch) break;
    }
    return sealed;
  },
};
