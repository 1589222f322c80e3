// Doppler, with service tokens: https://docs.doppler.com/reference/secrets-get
import { answered } from "./failure.ts";
import { membersOf, resolveEach } from "./resolve-each.ts";
import { credentialOf, type ExternalVault, type OpenConnection, type VaultContext } from "./vault.ts";

const vendorUrl = "https://api.doppler.com";

export const doppler: ExternalVault = {
  async check(connection, context) {
    // Request the names only: values are not needed.
    await get(connection, context, "/secrets/names", {});
  },

  resolve: (connection, references, context) =>
    resolveEach(references, async (name) => {
      const { value } = membersOf(await get(connection, context, "/secret", { name }));
      // References within the value are expanded.
      return membersOf(value)["computed"];
    }),
};

async function get(
  connection: OpenConnection,
  { send }: VaultContext,
  path: string,
  query: Record<string, string>,
): Promise<unknown> {
  const { baseUrl, config } = connection;
  const url = new URL(`${baseUrl === "" ? vendorUrl : baseUrl}/v3/configs/config${path}`);
  const { project = "", config: configName = "" } = config;
  url.search = String(new URLSearchParams({ project, config: configName, ...query }));
  const headers = { authorization: `Bearer ${credentialOf(connection, "access_token")}`, accept: "application/json" };
  return answered(await send({ method: "GET", url, headers }));
}
