// The token of a sandbox: an API token's form under another name, which opens the proxy and nothing else.

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

/** The parts of a sandbox's token; undefined when it cannot be one. */
export function parseSandboxToken(text: string): TokenText | undefined {
  return text.startsWith(sandboxPrefix) ? parseTokenText(apiPrefix + text.slice(sandboxPrefix.length)) : undefined;
}
