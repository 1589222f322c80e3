// Kinds for credentials of object storage: made of named fields, and never returned.
import type { AuthMethod, CredentialField, FieldFormat, Kind } from "./kind.ts";

const secretField = field({ isSecret: true });
const openField = field({ isSecret: false });

function field(facts: { isSecret: boolean }) {
  return (name: string, title: string, format: FieldFormat, sizeBytesMax: number): CredentialField => ({
    name,
    title,
    format,
    sizeBytesMax,
    isRequired: true,
    isShown: false,
    ...facts,
  });
}

const secretAccessKey = secretField("secret_access_key", "Secret access key", "token", 256);

/** The pair that every service with the API of S3 takes. */
function accessKey(storageType: string, idFormat: FieldFormat): AuthMethod {
  const accessKeyId = openField("access_key_id", "Access key ID", idFormat, 128);
  return { name: `${storageType}_access_key`, title: "Access key", fields: [accessKeyId, secretAccessKey] };
}

function storage(
  type: string,
  title: string,
  authMethods: readonly AuthMethod[],
  validation: Kind["validation"],
): Kind {
  return { name: `storage/${type}`, title, value: "FIELDS", reveal: "NEVER", authMethods, validation };
}

function likeS3(type: string, title: string, idFormat: FieldFormat = "token"): Kind {
  return storage(type, title, [accessKey(type, idFormat)], "s3");
}

const azureSasUrl: AuthMethod = {
  name: "azure_sas_url",
  title: "Shared access signature (recommended)",
  fields: [secretField("sas_url", "SAS URL", "sas_url", 4_096)],
};

const azureAccountKey: AuthMethod = {
  name: "azure_account_key",
  title: "Account key",
  fields: [
    openField("account_name", "Account name", "azure_account_name", 24),
    secretField("account_key", "Account key", "base64", 512),
  ],
};

const gcsServiceAccount: AuthMethod = {
  name: "gcs_service_account",
  title: "Service account",
  fields: [secretField("service_account_json", "Key file (JSON)", "service_account_json", 16_384)],
};

const b2ApplicationKey: AuthMethod = {
  name: "b2_application_key",
  title: "Application key",
  fields: [
    openField("application_key_id", "Application key ID", "token", 128),
    secretField("application_key", "Application key", "token", 256),
  ],
};

export const storageKinds: readonly Kind[] = [
  likeS3("s3", "Amazon S3", "aws_access_key_id"),
  storage("azure_blob", "Azure Blob Storage", [azureSasUrl, azureAccountKey], "azure_blob"),
  storage("gcs", "Google Cloud Storage", [gcsServiceAccount], "gcs"),
  likeS3("r2", "Cloudflare R2"),
  storage("b2", "Backblaze B2", [b2ApplicationKey], "b2"),
  likeS3("wasabi", "Wasabi"),
  likeS3("railway", "Railway"),
  likeS3("oracle_object_storage_s3", "Oracle Object Storage"),
  likeS3("s3_compatible", "S3-compatible storage"),
  likeS3("tigris", "Tigris"),
  likeS3("digitalocean_spaces", "DigitalOcean Spaces"),
  likeS3("hetzner", "Hetzner Object Storage"),
  likeS3("rabata", "Rabata"),
];
