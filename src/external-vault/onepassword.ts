// 1Password: a Connect server if the connection has a base URL, otherwise 1Password's service.
import { onePasswordConnect } from "./onepassword-connect.ts";
import { onePasswordService } from "./onepassword-service.ts";
import type { ExternalVault, OpenConnection } from "./vault.ts";

export const onePassword: ExternalVault = {
  check: (connection, context) => adapterFor(connection).check(connection, context),
  resolve: (connection, references, context) => adapterFor(connection).resolve(connection, references, context),
};

function adapterFor({ baseUrl }: OpenConnection): ExternalVault {
  return baseUrl === "" ? onePasswordService : onePasswordConnect;
}
