// Makes and parses the token of a sandbox. It has the form of an API token with another prefix, and opens only the proxy.

import { hashToken } from "../../envelope/mac.ts";
import type { Deps } from "../../runtime/deps.ts";
import { newTokenText, parseTokenText, type TokenText } from "../tokens/token-text.ts";

const apiPrefix = "sk_coffer_";
const sandboxPrefix = "sbx_coffer_";

export function newSandboxToken(deps: Pick<Deps, "random" | "deploymentKeys">): {
  text: string;
  lookupId: string;
  tokenHash: Uint8Array;
} {
  const { text, lookupId, secret } = newTokenText(deps.random);
  return {
    text: sandboxPrefix + text.slice(apiPrefix.length),
    lookupId,
    tokenHash: hashToken(deps.deploymentKeys.tokenPepper, secret),
  };
}

/** Returns the parts of a sandbox's token; undefined for a text of another form. */
export function parseSandboxToken(text: string): TokenText | undefined {
  return text.startsWith(sandboxPrefix) ? parseTokenText(apiPrefix + text.slice(sandboxPrefix.length)) : undefined;
}
