// The description of a kind of secret: its fields, and the ways in which coffer may use it.

/** The format of a field. */
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
  /** Knowing the field is enough to use the credential, or a large step towards it. */
  isSecret: boolean;
  /** The field is stored beside the value and shown with the secret. */
  isShown: boolean;
}

/** One way to authenticate at a service. */
export interface AuthMethod {
  name: string;
  /** For people. */
  title: string;
  fields: readonly CredentialField[];
}

/** The request that validates a credential at its service. */
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
   * WHOLE: one value, or parts that the creator names. FIELDS: the parts are exactly the fields of one auth method, stored as one
   * value.
   */
  value: "WHOLE" | "FIELDS";
  /** Empty when the kind is not a credential. */
  authMethods: readonly AuthMethod[];
  /** CHOICE: the creator decides whether calls may return the value. NEVER: no call returns it. */
  reveal: "CHOICE" | "NEVER";
  /** Undefined: coffer cannot validate this kind. */
  validation: ValidationName | undefined;
  /** The minimum number of characters of a single value. */
  lengthMin?: number;
}
