// A credential of every storage kind and method that the registry takes: made up, in the form of a real one.
export interface StorageCredential {
  kind: string;
  authMethod: string;
  fields: Readonly<Record<string, string>>;
}

const pair = {
  access_key_id: "AKIAIOSFODNN7EXAMPLE",
  secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};

export const serviceAccountJson = JSON.stringify({
  type: "service_account",
  project_id: "acme-storage",
  private_key_id: "0123456789abcdef0123456789abcdef01234567",
  private_key: "-----BEGIN PRIVATE KEY-----\nbm90IGEgcmVhbCBrZXk=\n-----END PRIVATE KEY-----\n",
  client_email: "backup@acme-storage.iam.gserviceaccount.com",
});

export const sasUrl =
  "https://acme.blob.core.windows.net/backups?sp=racwdl&st=2024-01-01&se=2025-01-01&sv=2022-11-02&sr=c&sig=c2lnbmF0dXJl";

const likeS3 = (type: string): StorageCredential => ({
  kind: `storage/${type}`,
  authMethod: `${type}_access_key`,
  fields: pair,
});

/** All fourteen methods. */
export const storageCredentials: readonly StorageCredential[] = [
  ...["s3", "r2", "wasabi", "railway", "oracle_object_storage_s3", "s3_compatible", "tigris"].map(likeS3),
  ...["digitalocean_spaces", "hetzner", "rabata"].map(likeS3),
  { kind: "storage/azure_blob", authMethod: "azure_sas_url", fields: { sas_url: sasUrl } },
  {
    kind: "storage/azure_blob",
    authMethod: "azure_account_key",
    fields: { account_name: "acmebackups", account_key: Buffer.alloc(64, 7).toString("base64") },
  },
  { kind: "storage/gcs", authMethod: "gcs_service_account", fields: { service_account_json: serviceAccountJson } },
  {
    kind: "storage/b2",
    authMethod: "b2_application_key",
    fields: { application_key_id: "0012345678abcde0000000001", application_key: "K001abcdefghijklmnopqrstuvwxyz0" },
  },
];
