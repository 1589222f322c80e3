// What the registry says of a kind of secret: which fields it is made of, and what coffer may do with it.

/** What the text of a field must be like. */
export type FieldFormat =
  | "text"
  | "token"
  | "aws_access_key_id"
  | "azure_account_name"
  | "base64"
  | "sas_url"
  | "service_account_json";

export interface CredentialField {
  name: string;
  /** For people. */
  title: string;
  format: FieldFormat;
  /** In bytes of UTF-8. */
  sizeBytesMax: number;
  isRequired: boolean;
  /** Whoever has it can use the credential, or do much towards it. */
  isSecret: boolean;
  /** Kept beside the value, and shown with the secret. */
  isShown: boolean;
}

/** One way to prove who one is at a service. */
export interface AuthMethod {
  name: string;
  /** For people. */
  title: string;
  fields: readonly CredentialField[];
}

/** How a credential is tried at its service. */
export type ValidationName =
  | "hcloud"
  | "aws"
  | "gcp"
  | "azure"
  | "oci_registry"
  | "cloudflare"
  | "s3"
  | "azure_blob"
  | "gcs"
  | "b2";

export interface Kind {
  name: string;
  /** For people. */
  title: string;
  /**
   * WHOLE: one value, or parts that its creator names. FIELDS: exactly the fields of one of the methods, as the parts of one
   * value.
   */
  value: "WHOLE" | "FIELDS";
  /** None for what is no credential. */
  authMethods: readonly AuthMethod[];
  /** CHOICE: its creator says whether its value may be returned; NEVER: no call returns it. */
  reveal: "CHOICE" | "NEVER";
  /** Undefined: there is nowhere to try it. */
  validation: ValidationName | undefined;
  /** At least so many characters; for a value as a whole. */
  lengthMin?: number;
}
