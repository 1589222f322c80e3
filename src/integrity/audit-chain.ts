// The chain of a workspace's audit events: each value is a MAC over the previous value and an event.
import type { DeploymentKeys } from "../envelope/deployment-keys.ts";
import { macRow } from "../envelope/mac.ts";
import type { AuditSeal, SealedEvent, SealHead } from "../store/audit-seals.ts";
import { type Covered, covering } from "./covering.ts";

type MacKey = Pick<DeploymentKeys, "rowMacKey">;

/** The first value of a seal's chain. It depends on the MAC of the previous seal. */
export function chainStart(
  { rowMacKey }: MacKey,
  { workspaceId, sealNumber }: Pick<AuditSeal, "workspaceId" | "sealNumber">,
  previousMac: Uint8Array,
): Uint8Array {
  return macRow(rowMacKey, "audit_chain_start/v1", [workspaceId, sealNumber, previousMac]);
}

export function chainEvent({ rowMacKey }: MacKey, chain: Uint8Array, event: SealedEvent): Uint8Array {
  const { label, fields } = coveredOfEvent(event);
  return macRow(rowMacKey, label, [chain, ...fields]);
}

/** Covers every column of the event. */
const coveredOfEvent: (event: SealedEvent) => Covered = covering<SealedEvent>(
  { table: "audit_event", column: "xact", label: "audit_event/v1" },
  {
    workspace_id: (row) => row.workspaceId,
    event_id: (row) => row.eventId,
    event_time: (row) => row.eventTimeUs,
    request_id: (row) => row.requestId,
    principal_id: (row) => row.principalId,
    token_id: (row) => row.tokenId,
    method: (row) => row.method,
    resource_type: (row) => row.resourceType,
    resource_id: (row) => row.resourceId,
    version_number: (row) => row.versionNumber ?? null,
    decision: (row) => row.decision,
    rule: (row) => row.rule,
    address: (row) => row.address,
    user_agent: (row) => row.userAgent,
    result: (row) => row.result,
    occurrences: (row) => row.occurrences,
    xact: (row) => row.xact,
  },
);

/** Covers the MAC of the previous seal too, so that no seal can be removed from the middle. */
export function sealMac({ rowMacKey }: MacKey, seal: Omit<AuditSeal, "mac">, previousMac: Uint8Array): Uint8Array {
  const { label, fields } = coveredOfSeal(seal);
  return macRow(rowMacKey, label, [previousMac, ...fields]);
}

const coveredOfSeal: (seal: Omit<AuditSeal, "mac">) => Covered = covering<Omit<AuditSeal, "mac">>(
  { table: "audit_seal", column: "mac", label: "audit_seal/v1" },
  {
    workspace_id: (row) => row.workspaceId,
    seal_number: (row) => row.sealNumber,
    seal_day: (row) => row.sealDay,
    event_month: (row) => row.eventMonth,
    from_xact: (row) => row.fromXact,
    to_xact: (row) => row.toXact,
    first_time: (row) => row.firstTimeUs,
    last_time: (row) => row.lastTimeUs,
    event_count: (row) => row.eventCount,
    low_time: (row) => row.lowTimeUs,
    chain: (row) => row.chain,
  },
);

/** Returns whether coffer wrote the seal, after the previous one. */
export function isSealed(keys: MacKey, { seal, previousMac }: SealHead): boolean {
  return Buffer.from(sealMac(keys, seal, previousMac)).equals(seal.mac);
}

/** Returns the month of an event in the form of `audit_seal.event_month`. */
export function monthOf(eventTimeUs: number): string {
  return new Date(Math.floor(eventTimeUs / 1_000)).toISOString().slice(0, 7);
}
