// The chain of a workspace's audit events: each value is a MAC over the previous value and an event.
import type { DeploymentKeys } from "../envelope/deployment-keys.ts";
import { macRow } from "../envelope/mac.ts";
import type { SealedEvent, SealHead } from "../store/audit-seals.ts";
import { auditEventTable } from "../store/rows/audit-event.ts";
import { type AuditSeal, auditSealTable } from "../store/rows/audit-seal.ts";
import { covering } from "./covering.ts";

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
  const { label, fields } = coveredOfEvent({ ...event, versionNumber: event.versionNumber });
  return macRow(rowMacKey, label, [chain, ...fields]);
}

const coveredOfEvent = covering(auditEventTable, "chain");

/** Covers the MAC of the previous seal too, so that no seal can be removed from the middle. */
export function sealMac({ rowMacKey }: MacKey, seal: Omit<AuditSeal, "mac">, previousMac: Uint8Array): Uint8Array {
  const { label, fields } = coveredOfSeal(seal);
  return macRow(rowMacKey, label, [previousMac, ...fields]);
}

const coveredOfSeal = covering(auditSealTable, "mac");

/** Returns whether coffer wrote the seal, after the previous one. */
export function isSealed(keys: MacKey, { seal, previousMac }: SealHead): boolean {
  return Buffer.from(sealMac(keys, seal, previousMac)).equals(seal.mac);
}

/** Returns the month of an event in the form of `audit_seal.event_month`. */
export function monthOf(eventTimeUs: number): string {
  return new Date(Math.floor(eventTimeUs / 1_000)).toISOString().slice(0, 7);
}
