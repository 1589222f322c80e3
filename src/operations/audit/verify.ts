// Verifies the audit trail of a workspace against its seals: finds events that are missing, were changed or were added.

import { chainEvent, chainStart, isSealed, monthOf } from "../../integrity/audit-chain.ts";
import type { Deps } from "../../runtime/deps.ts";
import {
  countEvents,
  listSealedEvents,
  listSeals,
  type SealedEvent,
  type SealedPosition,
} from "../../store/audit-seals.ts";
import type { AuditSeal } from "../../store/rows/audit-seal.ts";

/** The end of a chain at the time of an export. */
export interface AuditHead {
  workspaceId: string;
  sealNumber: number;
  /** The number of events that the seal covered then. */
  eventCount: number;
  /** Hexadecimal. */
  chain: string;
}

export interface VerifiedTrail {
  workspaceId: string;
  seals: number;
  /** Sealed events that are stored. */
  verified: number;
  /** Sealed events that were dropped because their retention has passed. */
  dropped: number;
  /** Events that were written since the last seal. */
  unsealed: number;
  /** One sentence for each problem. */
  problems: string[];
}

type VerifyDeps = Pick<Deps, "database" | "deploymentKeys">;

const eventsPerPage = 2_000;

/** `cut`: retention dropped the events before it. `known`: heads of this workspace that were exported earlier. */
export async function verifyTrail(
  deps: VerifyDeps,
  workspaceId: string,
  { cut, known }: { cut: Date | undefined; known: readonly AuditHead[] },
): Promise<VerifiedTrail> {
  const seals = await listSeals(deps.database, workspaceId);
  const trail: VerifiedTrail = { workspaceId, seals: seals.length, verified: 0, dropped: 0, unsealed: 0, problems: [] };
  let previousMac: Uint8Array = new Uint8Array();
  for (const [index, seal] of seals.entries()) {
    if (seal.sealNumber !== index + 1) {
      trail.problems.push(`seal ${index + 1} is missing`);
      break;
    }
    if (!isSealed(deps.deploymentKeys, { seal, previousMac }))
      trail.problems.push(`seal ${seal.sealNumber} was changed`);
    const heads = known.filter(({ sealNumber }) => sealNumber === seal.sealNumber);
    if (isDropped(seal, cut)) trail.dropped += seal.eventCount;
    else await verifySeal(deps, seal, previousMac, heads, trail);
    previousMac = seal.mac;
  }
  for (const { sealNumber } of known) {
    if (sealNumber > seals.length)
      trail.problems.push(
        `the chain was rolled back: seal ${sealNumber} is in the exported heads but not in the database`,
      );
  }
  await countOthers(deps, seals, cut, trail);
  return trail;
}

function isDropped({ eventMonth }: AuditSeal, cut: Date | undefined): boolean {
  return cut !== undefined && eventMonth < cut.toISOString().slice(0, 7);
}

/** Reads the events of a seal and chains them again. */
async function verifySeal(
  deps: VerifyDeps,
  seal: AuditSeal,
  previousMac: Uint8Array,
  heads: readonly AuditHead[],
  trail: VerifiedTrail,
): Promise<void> {
  let chain = chainStart(deps.deploymentKeys, seal, previousMac);
  let count = 0;
  const isAsExported = ({ eventCount, chain: exported }: AuditHead) =>
    eventCount !== count || Buffer.from(chain).toString("hex") === exported;
  const rolledBack = new Set(heads.filter(({ eventCount }) => eventCount > seal.eventCount));
  for await (const event of eventsOf(deps, seal)) {
    chain = chainEvent(deps.deploymentKeys, chain, event);
    count++;
    for (const head of heads) if (!isAsExported(head)) rolledBack.add(head);
  }
  trail.verified += count;
  const where = `seal ${seal.sealNumber} (${timeText(seal.firstTimeUs)} to ${timeText(seal.lastTimeUs)})`;
  if (count !== seal.eventCount)
    trail.problems.push(`${where}: ${seal.eventCount} events were sealed, ${count} are stored`);
  else if (!Buffer.from(chain).equals(seal.chain)) trail.problems.push(`${where}: events were changed or reordered`);
  if (rolledBack.size > 0) trail.problems.push(`${where}: the chain is not the one that was exported`);
}

async function* eventsOf({ database }: VerifyDeps, seal: AuditSeal): AsyncGenerator<SealedEvent> {
  let after: SealedPosition | undefined;
  for (;;) {
    const page: SealedEvent[] = await listSealedEvents(database, seal, after, eventsPerPage);
    yield* page.filter(({ eventTimeUs }) => monthOf(eventTimeUs) === seal.eventMonth);
    if (page.length < eventsPerPage) return;
    after = page.at(-1);
  }
}

/** Counts events without a seal. Those behind the last seal are new; any other was inserted, or the clock was set back. */
async function countOthers(
  { database }: VerifyDeps,
  seals: readonly AuditSeal[],
  cut: Date | undefined,
  trail: VerifiedTrail,
): Promise<void> {
  const fromXact = seals.at(-1)?.toXact ?? 0;
  const { all, newer } = await countEvents(database, { workspaceId: trail.workspaceId, fromTime: cut, fromXact });
  trail.unsealed = newer;
  const others = all - newer - trail.verified;
  if (others > 0) trail.problems.push(`events without a seal, although later events have one: ${others}`);
}

function timeText(timeUs: number): string {
  return new Date(timeUs / 1_000).toISOString();
}
