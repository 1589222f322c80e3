// Turns the failures of vaults into errors for the caller, in coffer's words, never in the vault's.
import type { Reason } from "../../domain/error/error-reasons.ts";
import { CofferError } from "../../domain/error/errors.ts";
import type { VaultConnection } from "../../domain/external-vault/vault-connection.ts";
import { type VaultFailure, wordsFor } from "../../external-vault/failure.ts";

const retryDelayMs = 1_000;

/** Returns the error of a failed check: RATE_LIMITED, VAULT_UNAVAILABLE or VAULT_CHECK_FAILED. */
export function checkFailed(
  connection: Pick<VaultConnection, "vaultConnectionId">,
  failure: VaultFailure,
): CofferError {
  return errorOf("VAULT_CHECK_FAILED", connection, failure, {});
}

/** Returns the error of a reference that could not be resolved: RATE_LIMITED, VAULT_UNAVAILABLE or VAULT_REFERENCE_FAILED. */
export function referenceFailed(
  connection: Pick<VaultConnection, "vaultConnectionId">,
  field: string,
  failure: VaultFailure,
): CofferError {
  return errorOf("VAULT_REFERENCE_FAILED", connection, failure, { field });
}

function errorOf(
  lasting: Reason,
  { vaultConnectionId }: Pick<VaultConnection, "vaultConnectionId">,
  { reason: cause, isWorthRetrying, retryAfterMs }: VaultFailure,
  about: Record<string, string>,
): CofferError {
  const message = "field" in about ? `${about["field"]}: ${wordsFor(cause)}` : wordsFor(cause);
  const metadata = { ...about, vault_connection_id: vaultConnectionId, cause };
  if (!isWorthRetrying) return new CofferError(lasting, message, metadata);
  const extras = { retryDelayMs: retryAfterMs ?? retryDelayMs };
  if (cause !== "rate_limited") return new CofferError("VAULT_UNAVAILABLE", message, metadata, extras);
  const subject = `vault_connection:${vaultConnectionId}`;
  return new CofferError("RATE_LIMITED", message, { ...metadata, subject }, extras);
}
