// References to fields in external vaults, in the notation of each type of vault.
import { type FieldViolation, failOn } from "../error/errors.ts";
import type { VaultType } from "./vault-connection.ts";

export interface OnePasswordReference {
  vault: string;
  item: string;
  /** Undefined: any section, or none. */
  section: string | undefined;
  field: string;
}

const charactersMax = 1_000;
const segment = "[A-Za-z0-9_. -]*[A-Za-z0-9_-][A-Za-z0-9_. -]*";
const onePassword = new RegExp(`^op://(${segment})/(${segment})/(?:(${segment})/)?(${segment})$`);

const forms: Readonly<Record<VaultType, { isValid: (text: string) => boolean; rule: string }>> = {
  ONEPASSWORD: {
    isValid: (text) => onePassword.test(text),
    rule: "must be op://Vault/Item/field or op://Vault/Item/section/field, of letters, digits, spaces and . _ -",
  },
  DOPPLER: {
    isValid: (text) => /^[A-Za-z_][A-Za-z0-9_]{0,254}$/.test(text),
    rule: "must be the name of a secret: letters, digits and _",
  },
  INFISICAL: {
    // `.` and `..` would lead to another path.
    isValid: (text) => /^(?!\.+$)[A-Za-z0-9_.-]{1,255}$/.test(text),
    rule: "must be the name of a secret: letters, digits and . _ -",
  },
};

/** Fails with FIELD_INVALID for every reference that this type of vault does not accept. `fieldOf` returns the name of a mapped field in the request. */
export function checkReferences(
  vaultType: VaultType,
  mappings: Readonly<Record<string, string>>,
  fieldOf: (name: string) => string,
): void {
  const { isValid, rule } = forms[vaultType];
  const violations: FieldViolation[] = Object.entries(mappings)
    .filter(([, reference]) => reference.length > charactersMax || !isValid(reference))
    .map(([name]) => ({ field: fieldOf(name), description: rule }));
  failOn(violations);
}

/** Returns undefined for an invalid reference. */
export function parseOnePasswordReference(reference: string): OnePasswordReference | undefined {
  const [, vault, item, section, field] = onePassword.exec(reference) ?? [];
  return vault && item && field ? { vault, item, section, field } : undefined;
}
