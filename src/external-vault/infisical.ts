// Infisical, with universal auth, whose access tokens stay in memory until they expire: https://infisical.com/docs/api-reference
import { BoundedMap } from "../domain/bounded-map.ts";
import { Sensitive } from "../domain/sensitive.ts";
import { answered, failureOf, VaultError } from "./failure.ts";
import { membersOf, resolveEach } from "./resolve-each.ts";
import { credentialOf, type ExternalVault, type OpenConnection, type VaultContext } from "./vault.ts";

const vendorUrl = "https://app.infisical.com";
/** Sent explicitly, because the defaults of older and newer servers differ: expand references and include imported secrets. */
const wholeValue = { expandSecretReferences: "true", include_imports: "true", viewSecretValue: "true" };
/** The server sends this text instead of a value that the identity may not read. */
const hiddenValue = "<hidden-by-infisical>";
const tokensKeptMax = 1_000;
/** A token is no longer used this long before it expires. */
const marginMs = 30_000;

interface AccessToken {
  token: Sensitive;
  /** By the context's clock. */
  expireMs: number;
}

export function createInfisical(): ExternalVault {
  const kept = new BoundedMap<string, Promise<AccessToken>>(tokensKeptMax);

  async function accessToken(connection: OpenConnection, context: VaultContext): Promise<AccessToken> {
    const key = keyOf(connection);
    // Concurrent calls share the request.
    for (let known = kept.get(key); known; known = kept.get(key)) {
      const token = await known;
      if (token.expireMs > context.nowMs()) return token;
      if (kept.get(key) === known) kept.delete(key);
    }
    const asked = logIn(connection, context);
    kept.set(key, asked);
    asked.catch(() => {
      if (kept.get(key) === asked) kept.delete(key);
    });
    return asked;
  }

  /** Drops a revoked token, and requests a new one once. */
  async function getSecret(
    connection: OpenConnection,
    context: VaultContext,
    name: string,
    isSecondTry = false,
  ): Promise<unknown> {
    const token = await accessToken(connection, context);
    try {
      return await getSecrets(connection, context, token, `/${encodeURIComponent(name)}`, wholeValue);
    } catch (error) {
      if (!(error instanceof VaultError) || error.failure.reason !== "unauthorized" || isSecondTry) throw error;
      await drop(connection, token);
      return getSecret(connection, context, name, true);
    }
  }

  async function drop(connection: OpenConnection, refused: AccessToken): Promise<void> {
    const key = keyOf(connection);
    if ((await kept.get(key)) === refused) kept.delete(key);
  }

  return {
    async check(connection, context) {
      // Sign in with the given credentials: a cached token tells nothing about new or revoked ones.
      const token = await logIn(connection, context);
      await getSecrets(connection, context, token, "", { viewSecretValue: "false" });
    },

    resolve: (connection, references, context) =>
      resolveEach(references, async (name) => {
        const { secret } = membersOf(await getSecret(connection, context, name));
        const { secretValue, secretValueHidden } = membersOf(secret);
        if (secretValueHidden === true || secretValue === hiddenValue) throw new VaultError(failureOf("unusable"));
        return secretValue;
      }),
  };
}

/** Returns a cache key that changes with each change of the connection. */
function keyOf({ workspaceId, vaultConnectionId, revision }: OpenConnection): string {
  return `${workspaceId} ${vaultConnectionId} ${revision}`;
}

async function logIn(connection: OpenConnection, { send, nowMs }: VaultContext): Promise<AccessToken> {
  const answer = await send({
    method: "POST",
    url: new URL(`${urlOf(connection)}/api/v1/auth/universal-auth/login`),
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({
      clientId: credentialOf(connection, "client_id"),
      clientSecret: credentialOf(connection, "client_secret"),
    }),
  });
  const { accessToken, expiresIn } = membersOf(answered(answer));
  // The token is sent in a header.
  if (typeof accessToken !== "string" || !/^[!-~]{1,16384}$/.test(accessToken))
    throw new VaultError(failureOf("faulty"));
  const lifetimeMs = typeof expiresIn === "number" ? expiresIn * 1_000 : 0;
  return { token: new Sensitive(Buffer.from(accessToken)), expireMs: nowMs() + lifetimeMs - marginMs };
}

async function getSecrets(
  connection: OpenConnection,
  { send }: VaultContext,
  { token }: AccessToken,
  path: string,
  query: Record<string, string>,
): Promise<unknown> {
  const url = new URL(`${urlOf(connection)}/api/v3/secrets/raw${path}`);
  const { project_id: workspaceId = "", environment = "", secret_path: secretPath = "/" } = connection.config;
  url.search = String(new URLSearchParams({ workspaceId, environment, secretPath, ...query }));
  const headers = { authorization: `Bearer ${Buffer.from(token.reveal()).toString()}`, accept: "application/json" };
  return answered(await send({ method: "GET", url, headers }));
}

function urlOf({ baseUrl }: OpenConnection): string {
  return baseUrl === "" ? vendorUrl : baseUrl;
}
