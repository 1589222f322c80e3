// 1Password's service, with service account tokens and the official client: only that can decrypt the answers.
import type { Client, ResolveReferenceError } from "@1password/sdk";
import { failureOf, VaultError, type VaultFailureReason } from "./failure.ts";
import { membersOf, resolutionOf } from "./resolve-each.ts";
import { credentialOf, type ExternalVault, type OpenConnection, type Resolution, type VaultContext } from "./vault.ts";

// A client has to sign in before its call.
const signInCalls = 1;

export const onePasswordService: ExternalVault = {
  async check(connection, context) {
    await within(context, signInCalls + 1, async () => (await signIn(connection)).vaults.list());
  },

  async resolve(connection, references, context) {
    const { individualResponses } = await within(context, signInCalls + references.length, async () =>
      (await signIn(connection)).secrets.resolveAll([...references]),
    );
    const resolutions = references.map((reference): [string, Resolution] => {
      const { content, error } = individualResponses[reference] ?? {};
      return [reference, content ? usable(content.secret) : failureOf(error ? reasons[error.type] : "missing")];
    });
    return new Map(resolutions);
  },
};

/** The client is large, so it is loaded when the first connection needs it. */
async function signIn(connection: OpenConnection): Promise<Client> {
  const token = credentialOf(connection, "access_token");
  if (!isOfOnePassword(token)) throw new VaultError(failureOf("unauthorized"));
  const { createClient } = await import("@1password/sdk");
  return createClient({ auth: token, integrationName: "coffer", integrationVersion: "v1" });
}

/** The token contains the sign-in address, and the client bypasses coffer's guard: so the address must be 1Password's. */
function isOfOnePassword(token: string): boolean {
  try {
    const json = Buffer.from(token.replace(/^ops_/, ""), "base64url").toString("utf8");
    const { signInAddress } = membersOf(JSON.parse(json));
    return typeof signInAddress === "string" && /^(?:[a-z0-9-]+\.){1,3}1password\.(?:com|ca|eu)$/.test(signInAddress);
  } catch {
    return false;
  }
}

const reasons: Readonly<Record<ResolveReferenceError["type"], VaultFailureReason>> = {
  parsing: "missing",
  fieldNotFound: "missing",
  vaultNotFound: "missing",
  itemNotFound: "missing",
  noMatchingSections: "missing",
  tooManyVaults: "ambiguous",
  tooManyItems: "ambiguous",
  tooManyMatchingFields: "ambiguous",
  incompatibleTOTPQueryParameterField: "unusable",
  unableToGenerateTotpCode: "unusable",
  sSHKeyMetadataNotFound: "unusable",
  unsupportedFileFormat: "unusable",
  incompatibleSshKeyQueryParameterField: "unusable",
  unableToParsePrivateKey: "unusable",
  unableToFormatPrivateKeyToOpenSsh: "unusable",
  other: "faulty",
};

function usable(secret: string): Resolution {
  try {
    return resolutionOf(secret);
  } catch (error) {
    if (error instanceof VaultError) return error.failure;
    throw error;
  }
}

async function within<T>({ signal, spend }: VaultContext, calls: number, work: () => Promise<T>): Promise<T> {
  spend(calls);
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(new VaultError(failureOf("timed_out")));
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work(), promise]);
  } catch (error) {
    throw error instanceof VaultError ? error : new VaultError(failureOf(reasonOf(error)));
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** The client has error classes for some failures and only messages for others. Its messages are never passed on. */
function reasonOf(error: unknown): VaultFailureReason {
  const text = error instanceof Error ? `${error.constructor.name} ${error.message}` : String(error);
  if (/ratelimit|rate limit/i.test(text)) return "rate_limited";
  if (
    /authexpired|unauthori[sz]ed|forbidden|invalid (?:user|service account|token|credential)|authenticat/i.test(text)
  ) {
    return "unauthorized";
  }
  return "unreachable";
}
