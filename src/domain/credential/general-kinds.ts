// Kinds that hold one value: plain secrets, and credentials of cloud providers, registries and the like.
import type { CredentialField, Kind } from "./kind.ts";

const value: CredentialField = {
  name: "value",
  title: "Value",
  format: "text",
  sizeBytesMax: 65_536,
  isRequired: true,
  isSecret: true,
  isShown: false,
};

/** The fields beside the value, which are not secret. */
function shown(name: string, title: string): CredentialField {
  return { name, title, format: "text", sizeBytesMax: 4_096, isRequired: false, isSecret: false, isShown: true };
}

const ofOneValue = { value: "WHOLE", reveal: "CHOICE" } as const;

export const generalKinds: readonly Kind[] = [
  { name: "generic", title: "Anything", ...ofOneValue, authMethods: [], validation: undefined },
  {
    name: "cloud_provider/hcloud",
    title: "Hetzner Cloud",
    ...ofOneValue,
    authMethods: [{ name: "api_token", title: "API token", fields: [value] }],
    validation: "hcloud",
  },
  {
    name: "cloud_provider/aws",
    title: "Amazon Web Services",
    ...ofOneValue,
    authMethods: [
      { name: "access_key", title: "Access key", fields: [shown("aws_access_key_id", "Access key ID"), value] },
    ],
    validation: "aws",
  },
  {
    name: "cloud_provider/gcp",
    title: "Google Cloud",
    ...ofOneValue,
    authMethods: [{ name: "service_account_key", title: "Service account key", fields: [value] }],
    validation: "gcp",
  },
  {
    name: "cloud_provider/azure",
    title: "Microsoft Azure",
    ...ofOneValue,
    authMethods: [{ name: "service_principal", title: "Service principal", fields: [value] }],
    validation: "azure",
  },
  {
    name: "oci_registry",
    title: "Container registry",
    ...ofOneValue,
    authMethods: [{ name: "password", title: "User and password", fields: [shown("username", "User"), value] }],
    validation: "oci_registry",
  },
  {
    name: "cloudflare_api",
    title: "Cloudflare",
    ...ofOneValue,
    authMethods: [{ name: "api_token", title: "API token", fields: [value] }],
    validation: "cloudflare",
  },
  {
    name: "webhook_signing",
    title: "Webhook signing secret",
    ...ofOneValue,
    authMethods: [],
    validation: undefined,
    lengthMin: 16,
  },
];
