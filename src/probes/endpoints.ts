// Where credentials are tried: one address a service, which the configuration may change.

interface Endpoint {
  setting: string;
  /** Undefined: nowhere, unless the configuration says where. */
  byDefault: string | undefined;
}

export const probeEndpoints = {
  hcloud: { setting: "COFFER_VALIDATION_HCLOUD_URL", byDefault: "https://api.hetzner.cloud/v1" },
  aws: { setting: "COFFER_VALIDATION_AWS_URL", byDefault: "https://sts.amazonaws.com" },
  gcp: { setting: "COFFER_VALIDATION_GCP_URL", byDefault: "https://oauth2.googleapis.com/token" },
  azure: { setting: "COFFER_VALIDATION_AZURE_URL", byDefault: "https://login.microsoftonline.com" },
  // A password must not be shown to another registry than its own, and which one that is nothing else says.
  ociRegistry: { setting: "COFFER_VALIDATION_OCI_REGISTRY_URL", byDefault: undefined },
  cloudflare: { setting: "COFFER_VALIDATION_CLOUDFLARE_URL", byDefault: "https://api.cloudflare.com/client/v4" },
} as const satisfies Record<string, Endpoint>;

export type ProbedService = keyof typeof probeEndpoints;

/** Without a slash at their ends. */
export type ProbeUrls = Readonly<Record<ProbedService, string | undefined>>;
