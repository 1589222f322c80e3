// The addresses at which credentials are validated: one for each service. The configuration may change them.

interface Endpoint {
  setting: string;
  /** Undefined: not validated unless the configuration sets an address. */
  byDefault: string | undefined;
}

export const probeEndpoints = {
  hcloud: { setting: "COFFER_VALIDATION_HCLOUD_URL", byDefault: "https://api.hetzner.cloud/v1" },
  aws: { setting: "COFFER_VALIDATION_AWS_URL", byDefault: "https://sts.amazonaws.com" },
  gcp: { setting: "COFFER_VALIDATION_GCP_URL", byDefault: "https://oauth2.googleapis.com/token" },
  azure: { setting: "COFFER_VALIDATION_AZURE_URL", byDefault: "https://login.microsoftonline.com" },
  // A password must not be sent to another registry than its own, and only the configuration knows which one that is.
  ociRegistry: { setting: "COFFER_VALIDATION_OCI_REGISTRY_URL", byDefault: undefined },
  cloudflare: { setting: "COFFER_VALIDATION_CLOUDFLARE_URL", byDefault: "https://api.cloudflare.com/client/v4" },
  azureBlob: { setting: "COFFER_VALIDATION_AZURE_BLOB_URL", byDefault: "https://blob.core.windows.net" },
  b2: { setting: "COFFER_VALIDATION_B2_URL", byDefault: "https://api.backblazeb2.com" },
  s3: { setting: "COFFER_VALIDATION_S3_URL", byDefault: "https://s3.us-east-1.amazonaws.com" },
  wasabi: { setting: "COFFER_VALIDATION_WASABI_URL", byDefault: "https://s3.us-east-1.wasabisys.com" },
  tigris: { setting: "COFFER_VALIDATION_TIGRIS_URL", byDefault: "https://t3.storage.dev" },
  // Each account or region has its own address.
  r2: { setting: "COFFER_VALIDATION_R2_URL", byDefault: undefined },
  railway: { setting: "COFFER_VALIDATION_RAILWAY_URL", byDefault: undefined },
  oracle_object_storage_s3: { setting: "COFFER_VALIDATION_ORACLE_OBJECT_STORAGE_S3_URL", byDefault: undefined },
  s3_compatible: { setting: "COFFER_VALIDATION_S3_COMPATIBLE_URL", byDefault: undefined },
  digitalocean_spaces: { setting: "COFFER_VALIDATION_DIGITALOCEAN_SPACES_URL", byDefault: undefined },
  hetzner: { setting: "COFFER_VALIDATION_HETZNER_URL", byDefault: undefined },
  rabata: { setting: "COFFER_VALIDATION_RABATA_URL", byDefault: undefined },
} as const satisfies Record<string, Endpoint>;

export type ProbedService = keyof typeof probeEndpoints;

/** Without trailing slashes. */
export type ProbeUrls = Readonly<Record<ProbedService, string | undefined>>;
