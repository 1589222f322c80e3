// Connections to external vaults. Secrets may refer to fields there instead of holding a value.
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
  /** Without a trailing slash; empty: the vendor's service. */
  baseUrl: string;
  /** The location in the vault, by field name. It is not secret. */
  config: Readonly<Record<string, string>>;
  /** The number of the current credentials. They are sealed for this number. */
  credentialsVersion: number;
  /** The time when the vault last accepted the credentials; undefined: never. */
  lastVerifiedTime: Date | undefined;
  /** The number of changes; the etag is this number in decimal. */
  revision: number;
  /** The principal that created it. */
  createdBy: string;
  createTime: Date;
  updateTime: Date;
}

/** The connection that resolves the value of a secret. */
export type SecretConnection = Pick<VaultConnection, "vaultConnectionId" | "name" | "vaultType">;

/** The answer is the same for a connection of another workspace. */
export function vaultConnectionNotFound(vaultConnectionId: string): CofferError {
  return new CofferError("VAULT_CONNECTION_NOT_FOUND", "there is no such vault connection", {
    vault_connection_id: vaultConnectionId,
  });
}
