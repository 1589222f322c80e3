// The port to vaults elsewhere: whether they take a connection's credentials, and what its references stand for.
import type { VaultConnection } from "../domain/external-vault/vault-connection.ts";
import type { Sensitive } from "../domain/sensitive.ts";
import type { OutboundAnswer, OutboundRequest } from "../net-guard/request.ts";
import type { VaultFailure } from "./failure.ts";

/** A connection with its credentials, by the names of their fields. */
export interface OpenConnection
  extends Pick<VaultConnection, "workspaceId" | "vaultConnectionId" | "vaultType" | "baseUrl" | "config" | "revision"> {
  credentials: ReadonlyMap<string, Sensitive>;
}

/** What an adapter works with, for one call. */
export interface VaultContext {
  /** Sends a request through the guard, within the quota. Fails with a VaultError, also for 429. */
  send(request: OutboundRequest): Promise<OutboundAnswer>;
  /** For what goes another way than `send`: so many calls to the vault. Fails with a VaultError. */
  spend(calls: number): void;
  /** Ends everything. */
  signal: AbortSignal;
  nowMs: () => number;
}

export type Resolution = { value: Sensitive } | VaultFailure;

export interface ExternalVault {
  /** Reads no value. Fails with a VaultError. */
  check(connection: OpenConnection, context: VaultContext): Promise<void>;
  /** For each reference what it stands for, or why nothing. Fails with a VaultError that is true of all of them. */
  resolve(
    connection: OpenConnection,
    references: readonly string[],
    context: VaultContext,
  ): Promise<ReadonlyMap<string, Resolution>>;
}

/** The credential of this name, as text. */
export function credentialOf({ credentials }: OpenConnection, name: string): string {
  return Buffer.from(credentials.get(name)?.reveal() ?? []).toString("utf8");
}
