// Seals the events of a workspace that were committed since its last seal, a part at a time.

import type { Bounds, Horizon } from "../../domain/audit/event-horizon.ts";
import { chainEvent, chainStart, isSealed, monthOf, sealMac } from "../../integrity/audit-chain.ts";
import type { Deps } from "../../runtime/deps.ts";
import {
  type EventRange,
  findHead,
  listSealedEvents,
  putSeal,
  type SealedEvent,
  type SealHead,
} from "../../store/audit-seals.ts";
import type { Tx } from "../../store/database.ts";
import type { AuditSeal } from "../../store/rows/audit-seal.ts";

type SealDeps = Pick<Deps, "deploymentKeys">;

// A part takes some ten milliseconds.
const eventsPerPart = 1_000;
/** More events than one transaction writes. */
const eventsMax = 100_000;
/** The clock may go back a little, for example after a fail-over. */
const clockSlackUs = 60_000_000;

/** Returns how many events it has sealed. The caller makes sure that nobody else seals at the same time. */
export async function sealEvents(
  deps: SealDeps,
  tx: Tx,
  workspaceId: string,
  { seen, bounds }: { seen: Horizon; bounds: Bounds },
): Promise<number> {
  const head = await findHead(tx, workspaceId);
  const range = { workspaceId, ...beginOf(head?.seal, seen), toXact: seen.endedBelow, lastTimeUs: undefined };
  const { events, toXact } = await nextPart(tx, range);
  // If more events are left, their bound is the earlier one.
  const lowTimeUs = toXact === range.toXact ? Math.max(0, bounds.low.timeUs - clockSlackUs) : range.firstTimeUs;
  const sealDay = new Date(seen.nowUs / 1_000).toISOString().slice(0, 10);
  let last = head;
  const byMonth = Map.groupBy(events, ({ eventTimeUs }) => monthOf(eventTimeUs));
  for (const [eventMonth, ofMonth] of [...byMonth].sort(([a], [b]) => (a < b ? -1 : 1))) {
    last = await extend(deps, tx, last, { ...range, toXact, sealDay, eventMonth, lowTimeUs, events: ofMonth });
  }
  return events.length;
}

/** Begins after the last seal. A seal from another server has other transaction numbers, so only its last time counts. */
function beginOf(last: AuditSeal | undefined, { next }: Horizon): Pick<EventRange, "fromXact" | "firstTimeUs"> {
  if (!last) return { fromXact: 0, firstTimeUs: 0 };
  if (last.toXact > next) return { fromXact: 0, firstTimeUs: last.lastTimeUs + 1 };
  return { fromXact: last.toXact, firstTimeUs: last.lowTimeUs };
}

/** The events of whole transactions. */
async function nextPart(tx: Tx, range: EventRange): Promise<{ events: SealedEvent[]; toXact: number }> {
  const events = await listSealedEvents(tx, range, undefined, eventsPerPart + 1);
  const [first] = events;
  const beyond = events[eventsPerPart];
  if (!first || !beyond) return { events, toXact: range.toXact };
  if (beyond.xact > first.xact) {
    return { events: events.filter(({ xact }) => xact < beyond.xact), toXact: beyond.xact };
  }
  const toXact = first.xact + 1;
  return { events: await listSealedEvents(tx, { ...range, toXact }, undefined, eventsMax), toXact };
}

interface Part extends Pick<AuditSeal, "workspaceId" | "fromXact" | "toXact" | "sealDay" | "eventMonth" | "lowTimeUs"> {
  events: readonly SealedEvent[];
}

/** Extends the last seal if it has the same day and month and its MAC is right; otherwise begins a new one. */
async function extend(
  { deploymentKeys }: SealDeps,
  tx: Tx,
  head: SealHead | undefined,
  { events, ...part }: Part,
): Promise<SealHead> {
  const extended = head && isExtended(head, part) && isSealed(deploymentKeys, head) ? head : undefined;
  const sealNumber = extended?.seal.sealNumber ?? (head?.seal.sealNumber ?? 0) + 1;
  const previousMac = extended?.previousMac ?? head?.seal.mac ?? new Uint8Array();
  const { workspaceId } = part;
  let chain = extended?.seal.chain ?? chainStart(deploymentKeys, { workspaceId, sealNumber }, previousMac);
  for (const event of events) chain = chainEvent(deploymentKeys, chain, event);
  const times = events.map(({ eventTimeUs }) => eventTimeUs);
  const seal = {
    ...part,
    sealNumber,
    fromXact: extended?.seal.fromXact ?? part.fromXact,
    firstTimeUs: Math.min(extended?.seal.firstTimeUs ?? Number.POSITIVE_INFINITY, ...times),
    lastTimeUs: Math.max(extended?.seal.lastTimeUs ?? 0, ...times),
    eventCount: (extended?.seal.eventCount ?? 0) + events.length,
    chain,
  };
  const signed = { ...seal, mac: sealMac(deploymentKeys, seal, previousMac) };
  await putSeal(tx, signed);
  return { seal: signed, previousMac };
}

function isExtended({ seal }: SealHead, part: Pick<Part, "sealDay" | "eventMonth" | "fromXact">): boolean {
  return seal.sealDay === part.sealDay && seal.eventMonth === part.eventMonth && seal.toXact <= part.fromXact;
}
