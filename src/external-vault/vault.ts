// The interface of external vaults: check credentials, and resolve references.
import type { VaultConnection } from "../domain/external-vault/vault-connection.ts";
import type { Sensitive } from "../domain/sensitive.ts";
import type { OutboundAnswer, OutboundRequest } from "../net-guard/request.ts";
import type { VaultFailure } from "./failure.ts";

/** A connection with its credentials by field name. */
export interface OpenConnection
  extends Pick<VaultConnection, "workspaceId" | "vaultConnectionId" | "vaultType" | "baseUrl" | "config" | "revision"> {
  credentials: ReadonlyMap<string, Sensitive>;
}

/** The tools of an adapter, for one call. */
export interface VaultContext {
  /** Sends a request through the guard, within the quota. Fails with a VaultError, also for 429. */
  send(request: OutboundRequest): Promise<OutboundAnswer>;
  /** Takes quota for calls that do not use `send`. Fails with a VaultError. */
  spend(calls: number): void;
  /** Aborts the whole call. */
  signal: AbortSignal;
  nowMs: () => number;
}

export type Resolution = { value: Sensitive } | VaultFailure;

export interface ExternalVault {
  /** Checks the credentials without reading a value. Fails with a VaultError. */
  check(connection: OpenConnection, context: VaultContext): Promise<void>;
  /** Returns the value or the failure of each reference. Fails with a VaultError that concerns all of them. */
  resolve(
    connection: OpenConnection,
    references: readonly string[],
    context: VaultContext,
  ): Promise<ReadonlyMap<string, Resolution>>;
}

/** Returns the credential with this name, as text. */
export function credentialOf({ credentials }: OpenConnection, name: string): string {
  return Buffer.from(credentials.get(name)?.reveal() ?? []).toString("utf8");
}
