// Presets for well-known services: the hosts, the header and the shape of a placeholder.
import type { AuthScheme, EgressRule, HostScheme } from "./egress-rule.ts";
import { noLimits } from "./egress-rule.ts";
import { customShape, type PlaceholderShape } from "./placeholder.ts";

export interface Provider {
  name: string;
  /** For people. */
  display: string;
  schemes: readonly HostScheme[];
  placeholder: PlaceholderShape;
}

const bearer: AuthScheme = { type: "bearer" };

function inHeader(header: string): AuthScheme {
  return { type: "api-key", header };
}

function provider(
  name: string,
  display: string,
  scheme: AuthScheme,
  host: string,
  prefix: string,
  length: number,
  alphabet: PlaceholderShape["alphabet"] = "alphanumeric",
): Provider {
  return { name, display, schemes: [{ hosts: [host], scheme }], placeholder: { prefix, length, alphabet } };
}

/** By name. */
export const providers: readonly Provider[] = [
  provider("anthropic", "Anthropic", inHeader("x-api-key"), "api.anthropic.com", "sk-ant-api03-", 48),
  provider("asana", "Asana", bearer, "app.asana.com", "", 32),
  provider("cloudflare", "Cloudflare", bearer, "api.cloudflare.com", "", 40),
  provider("exa", "Exa", inHeader("x-api-key"), "api.exa.ai", "", 32),
  provider("firecrawl", "Firecrawl", bearer, "api.firecrawl.dev", "fc-", 36),
  provider(
    "gemini",
    "Google Gemini",
    inHeader("x-goog-api-key"),
    "generativelanguage.googleapis.com",
    "AIza",
    35,
    "base64url",
  ),
  {
    name: "github",
    display: "GitHub",
    // One token for the API and for git over https.
    schemes: [
      { hosts: ["api.github.com"], scheme: bearer },
      { hosts: ["github.com"], scheme: { type: "basic", username: "x-access-token" } },
    ],
    placeholder: { prefix: "ghp_", length: 36, alphabet: "alphanumeric" },
  },
  provider("gitlab", "GitLab", inHeader("PRIVATE-TOKEN"), "gitlab.com", "glpat-", 20),
  provider("linear", "Linear", inHeader("Authorization"), "api.linear.app", "lin_api_", 32),
  provider("notion", "Notion", bearer, "api.notion.com", "ntn_", 43),
  provider("openai", "OpenAI", bearer, "api.openai.com", "sk-proj-", 64),
  provider("openrouter", "OpenRouter", bearer, "openrouter.ai", "sk-or-v1-", 64),
  provider("perplexity", "Perplexity", bearer, "api.perplexity.ai", "pplx-", 48),
  provider("resend", "Resend", bearer, "api.resend.com", "re_", 24),
  provider("sentry", "Sentry", bearer, "sentry.io", "sntrys_", 32),
  provider("slack", "Slack", bearer, "slack.com", "xoxb-", 43, "base64url"),
  provider("stripe", "Stripe", bearer, "api.stripe.com", "sk_test_", 24),
  provider("vercel", "Vercel", bearer, "api.vercel.com", "vcp_", 24),
  provider("xai", "xAI", bearer, "api.x.ai", "xai-", 80),
];

export const placeholderShapes: readonly PlaceholderShape[] = [
  customShape,
  ...providers.map(({ placeholder }) => placeholder),
];

const byName: ReadonlyMap<string, Provider> = new Map(providers.map((each) => [each.name, each]));

export function providerNamed(name: string): Provider | undefined {
  return byName.get(name);
}

/** Returns the egress rule of the preset. */
export function ruleOfProvider({ name, schemes }: Provider): EgressRule {
  return {
    hosts: schemes.flatMap(({ hosts }) => hosts),
    schemes,
    isPerHost: schemes.length > 1,
    provider: name,
    limits: noLimits,
  };
}
