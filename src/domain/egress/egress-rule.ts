// How a secret goes into requests that coffer's proxy lets out: to which hosts, and into which header in which form.
import type { HostPattern } from "./host-pattern.ts";

/** One way to write a credential into a request. */
export type AuthScheme =
  /** `Authorization: Bearer VALUE` */
  | { type: "bearer" }
  /** `Authorization: Basic base64(USERNAME:VALUE)`; without a username the request's own. */
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

/** What the proxy keeps to beside hosts and headers. */
export interface EgressLimits {
  /** In upper case; any when empty. */
  methods: readonly string[];
  /** A path begins with one of these, segment by segment; any when empty. */
  pathPrefixes: readonly string[];
  /** Of one sandbox with the secret; never more than is configured. */
  requestsPerMinute?: number;
  /** Of one sandbox with the secret, both ways; never more than are configured. */
  bytesPerHour?: number;
}

export interface EgressRule {
  /** Every host that any of the schemes is for. */
  hosts: readonly HostPattern[];
  /** One for all hosts, or one for each part of them; no two are for the same host. */
  schemes: readonly HostScheme[];
  /** Whether the schemes were given host by host. */
  isPerHost: boolean;
  /** The preset that it was made from. */
  provider?: string;
  limits: EgressLimits;
}

export const noLimits: EgressLimits = { methods: [], pathPrefixes: [] };
