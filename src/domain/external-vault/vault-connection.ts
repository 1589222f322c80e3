// Connections to vaults elsewhere, whose fields secrets may refer to instead of holding a value.
import { CofferError } from "../error/errors.ts";

export const vaultTypes = ["ONEPASSWORD", "DOPPLER", "INFISICAL"] as const;

export type VaultType = (typeof vaultTypes)[number];

export interface VaultConnection {
  workspaceId: string;
  vaultConnectionId: string;
  /** Unique in its workspace. */
  name: string;
  description: string;
  vaultType: VaultType;
  /** Without a slash at its end; empty: the vendor's own. */
  baseUrl: string;
  /** Where in the vault to look, by the names of the fields; none of it is secret. */
  config: Readonly<Record<string, string>>;
  /** Counts the credentials that it has had; they are sealed for this number. */
  credentialsVersion: number;
  /** When the vault last took its credentials; undefined: never tried, or never with success. */
  lastVerifiedTime: Date | undefined;
  /** Counts the changes; the etag is this number in decimal. */
  revision: number;
  /** The principal that made it. */
  createdBy: string;
  createTime: Date;
  updateTime: Date;
}

/** By which connection the value of a secret is resolved. */
export type SecretConnection = Pick<VaultConnection, "vaultConnectionId" | "name" | "vaultType">;

/** A connection of another workspace is no other answer. */
export function vaultConnectionNotFound(vaultConnectionId: string): CofferError {
  return new CofferError("VAULT_CONNECTION_NOT_FOUND", "there is no such vault connection", {
    vault_connection_id: vaultConnectionId,
  });
}
