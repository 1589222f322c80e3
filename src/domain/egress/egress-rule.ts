// The egress rule of a secret: the hosts that it may be sent to, the header and its form, and limits.
import type { HostPattern } from "./host-pattern.ts";

/** One way to write a credential into a request. */
export type AuthScheme =
  /** `Authorization: Bearer VALUE` */
  | { type: "bearer" }
  /** `Authorization: Basic base64(USERNAME:VALUE)`; without a username that of the request. */
  | { type: "basic"; username?: string }
  /** `HEADER: PREFIXVALUE` */
  | { type: "api-key"; header: string; prefix?: string }
  /** Each header with its template, in which `{{ value }}` stands for the value. */
  | { type: "custom"; headers: Readonly<Record<string, string>> };

/** A scheme for some of the hosts. */
export interface HostScheme {
  hosts: readonly HostPattern[];
  scheme: AuthScheme;
}

/** Limits besides hosts and headers. */
export interface EgressLimits {
  /** In upper case. Empty: any. */
  methods: readonly string[];
  /** A path must begin with one of these, segment by segment. Empty: any. */
  pathPrefixes: readonly string[];
  /** For one sandbox with the secret. The setting of the proxy may be lower. */
  requestsPerMinute?: number;
  /** For one sandbox with the secret, in both directions together. The setting of the proxy may be lower. */
  bytesPerHour?: number;
}

export interface EgressRule {
  /** All hosts of the schemes. */
  hosts: readonly HostPattern[];
  /** One for all hosts, or several for different hosts. */
  schemes: readonly HostScheme[];
  /** Whether the schemes were given host by host. */
  isPerHost: boolean;
  /** The preset of the rule. */
  provider?: string;
  limits: EgressLimits;
}

export const noLimits: EgressLimits = { methods: [], pathPrefixes: [] };
