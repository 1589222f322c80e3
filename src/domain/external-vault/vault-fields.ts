// The config and credential fields of each type of external vault. Messages never contain any part of a credential.
import { type FieldViolation, failOn } from "../error/errors.ts";
import type { VaultType } from "./vault-connection.ts";

interface VaultField {
  name: string;
  charactersMax: number;
  /** The default; undefined: the field is required. */
  byDefault?: string;
  /** The required prefix. */
  prefix?: string;
}

interface VaultFields {
  config: readonly VaultField[];
  credentials: readonly VaultField[];
}

const token = (prefix?: string): VaultField => ({
  name: "access_token",
  charactersMax: 4_096,
  ...(prefix ? { prefix } : {}),
});

const fieldsOf: Readonly<Record<VaultType, VaultFields>> = {
  ONEPASSWORD: { config: [], credentials: [token("ops_")] },
  DOPPLER: {
    config: [
      { name: "project", charactersMax: 255 },
      { name: "config", charactersMax: 255 },
    ],
    credentials: [token("dp.st.")],
  },
  INFISICAL: {
    config: [
      { name: "project_id", charactersMax: 255 },
      { name: "environment", charactersMax: 100 },
      { name: "secret_path", charactersMax: 500, byDefault: "/", prefix: "/" },
    ],
    credentials: [
      { name: "client_id", charactersMax: 255 },
      { name: "client_secret", charactersMax: 1_000 },
    ],
  },
};

// The token of a 1Password Connect server, which has its own base URL, is a JWT.
const connectFields: VaultFields = { config: [], credentials: [token()] };

/** The properties of a vault on which its fields depend. */
export interface VaultProperties {
  vaultType: VaultType;
  /** Empty: the vendor's service. */
  baseUrl: string;
}

/** Returns the config with its defaults. Empty fields count as omitted. Fails with every field that breaks a rule. */
export function checkVaultConfig(
  vault: VaultProperties,
  config: Readonly<Record<string, string>>,
): Record<string, string> {
  return checked(fieldsFor(vault).config, config, "config", (text) =>
    /\p{Cc}/u.test(text) || !text.isWellFormed() ? "must not hold control characters" : undefined,
  );
}

/** Checks that credentials can be sent in headers. Fails with every field that breaks a rule. */
export function checkVaultCredentials(
  vault: VaultProperties,
  credentials: Readonly<Record<string, string>>,
): Record<string, string> {
  return checked(fieldsFor(vault).credentials, credentials, "credentials", (text) =>
    /^[!-~]+$/.test(text) ? undefined : "must be visible ASCII characters without spaces",
  );
}

function fieldsFor({ vaultType, baseUrl }: VaultProperties): VaultFields {
  return vaultType === "ONEPASSWORD" && baseUrl !== "" ? connectFields : fieldsOf[vaultType];
}

function checked(
  fields: readonly VaultField[],
  given: Readonly<Record<string, string>>,
  group: string,
  ruleOfText: (text: string) => string | undefined,
): Record<string, string> {
  const set = Object.fromEntries(Object.entries(given).filter(([, text]) => text !== ""));
  const names = fields.map(({ name }) => name);
  const violations: FieldViolation[] = [
    ...fields.flatMap((field) => {
      const rule = brokenRule(field, set[field.name], ruleOfText);
      return rule === undefined ? [] : [{ field: `${group}.${field.name}`, description: rule }];
    }),
    ...Object.keys(set)
      .filter((name) => !names.includes(name))
      .map((name) => ({ field: `${group}.${name}`, description: "is not for this type of vault" })),
  ];
  failOn(violations);
  return Object.fromEntries(fields.map(({ name, byDefault = "" }) => [name, set[name] ?? byDefault]));
}

function brokenRule(
  { charactersMax, byDefault, prefix }: VaultField,
  text: string | undefined,
  ruleOfText: (text: string) => string | undefined,
): string | undefined {
  if (text === undefined) return byDefault === undefined ? "is required for this type of vault" : undefined;
  if ([...text].length > charactersMax) return `must have at most ${charactersMax} characters`;
  if (prefix !== undefined && !text.startsWith(prefix)) return `must begin with ${prefix}`;
  return ruleOfText(text);
}
