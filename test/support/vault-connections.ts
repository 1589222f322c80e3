// Fixtures for vault connections: a vault on loopback, and a connection to it.
import {
  type CreateVaultConnectionRequestSchema,
  type VaultConnection,
  VaultType,
} from "../../gen/coffer/v1/external_vault_service_pb.ts";
import type { TestCoffer } from "./coffer.ts";
import { type Init, newName, present } from "./secrets.ts";
import type { VaultService } from "./vault-services.ts";

export type ConnectionInit = Init<typeof CreateVaultConnectionRequestSchema>;

/** Settings with which vaults on loopback may be called. */
export const localVaults = { COFFER_VAULT_ALLOW_PRIVATE: "127.0.0.1" };

/** An id of the right form that nothing has. */
export const unknownConnectionId = "vc_01jzzzzzzzzzzzzzzzzzzzzzzz";

/** A request for a connection to Doppler's own address, with a name of its own, unless told otherwise. */
export function dopplerConnection(init: ConnectionInit = {}) {
  return {
    name: newName("vault"),
    vaultType: VaultType.DOPPLER,
    config: { project: "storage", config: "prd" },
    credentials: { accessToken: "dp.st.prd.token" },
    ...init,
  };
}

/** A request for a connection to the service, with the credential that it takes. */
export function connectionTo({ vendor, url: baseUrl, credential }: VaultService): ConnectionInit {
  switch (vendor) {
    case "doppler":
      return dopplerConnection({ baseUrl, credentials: { accessToken: credential } });
    case "infisical":
      return {
        ...{ name: newName("vault"), vaultType: VaultType.INFISICAL, baseUrl },
        config: { projectId: "project-1", environment: "prod", secretPath: "/storage" },
        credentials: { clientId: "client-1", clientSecret: credential },
      };
    case "connect":
      return {
        ...{ name: newName("vault"), vaultType: VaultType.ONEPASSWORD, baseUrl },
        credentials: { accessToken: credential },
      };
  }
}

export async function createConnection(
  coffer: TestCoffer,
  init: ConnectionInit,
  token?: string,
): Promise<VaultConnection> {
  return present((await coffer.clients(token).vaults.createVaultConnection(init)).vaultConnection);
}
