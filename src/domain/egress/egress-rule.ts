// Egress rules: the hosts that may receive a secret, and the headers in which the proxy writes it.
import type { HostPattern } from "./host-pattern.ts";

/** One way to write a credential into a request. */
export type AuthScheme =
  /** `Authorization: Bearer VALUE` */
  | { type: "bearer" }
  /** `Authorization: Basic base64(USERNAME:VALUE)`. Without a username, the request's own is used. */
  | { type: "basic"; username?: string }
  /** `HEADER: PREFIXVALUE` */
  | { type: "api-key"; header: string; prefix?: string }
  /** Each header with its template; `{{ value }}` is replaced by the value. */
  | { type: "custom"; headers: Readonly<Record<string, string>> };

/** A scheme for some of the hosts. */
export interface HostScheme {
  hosts: readonly HostPattern[];
  scheme: AuthScheme;
}

/** The limits of a rule beside its hosts and headers. */
export interface EgressLimits {
  /** In upper case; empty: any method. */
  methods: readonly string[];
  /** Whole segments at the beginning of a path; empty: any path. */
  pathPrefixes: readonly string[];
  /** Requests of one sandbox with the secret. The configured limit is the upper bound. */
  requestsPerMinute?: number;
  /** Bytes of one sandbox with the secret, both directions. The configured limit is the upper bound. */
  bytesPerHour?: number;
}

export interface EgressRule {
  /** The hosts of all schemes. */
  hosts: readonly HostPattern[];
  /** One scheme for all hosts, or several for disjoint sets of hosts. */
  schemes: readonly HostScheme[];
  /** Whether the caller gave a scheme for each host. */
  isPerHost: boolean;
  /** The preset of the rule. */
  provider?: string;
  limits: EgressLimits;
}

export const noLimits: EgressLimits = { methods: [], pathPrefixes: [] };
