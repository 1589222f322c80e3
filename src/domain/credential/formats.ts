// Checks the format of credential fields. Messages never contain any part of the text.
import type { FieldFormat } from "./kind.ts";

/** Returns the rule that the text breaks, in words; undefined for a valid text. */
export function brokenRule(format: FieldFormat, text: string): string | undefined {
  const { isValid, rule } = formats[format];
  return isValid(text) ? undefined : rule;
}

const formats: Readonly<Record<FieldFormat, { isValid: (text: string) => boolean; rule: string }>> = {
  text: { isValid: (text) => !text.includes("\0"), rule: "must not hold NUL characters" },
  token: { isValid: (text) => /^[!-~]+$/.test(text), rule: "must be visible ASCII characters without spaces" },
  aws_access_key_id: { isValid: (text) => /^\w{16,128}$/.test(text), rule: "must be 16 to 128 letters and digits" },
  azure_account_name: {
    isValid: (text) => /^[a-z0-9]{3,24}$/.test(text),
    rule: "must be 3 to 24 lower-case letters and digits",
  },
  base64: { isValid: isBase64, rule: "must be base64" },
  sas_url: {
    isValid: isSasUrl,
    rule: "must be an https URL with a shared access signature: se or si, and sig, in its query",
  },
  service_account_json: {
    isValid: isServiceAccount,
    rule: "must be the JSON of a service account key: type, project_id, client_email and private_key",
  },
};

function isBase64(text: string): boolean {
  return text.length > 0 && text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
}

/** https://learn.microsoft.com/rest/api/storageservices/create-service-sas: the signature and the expiry are required. */
function isSasUrl(text: string): boolean {
  if (/[^!-~]/.test(text)) return false;
  const url = URL.parse(text);
  if (url?.protocol !== "https:" || url.username !== "" || url.password !== "" || url.hash !== "") return false;
  const { searchParams } = url;
  const isOnce = (name: string) => searchParams.getAll(name).length === 1 && searchParams.get(name) !== "";
  return isOnce("sig") && (isOnce("se") || isOnce("si"));
}

/** https://cloud.google.com/iam/docs/keys-create-delete shows the members. */
function isServiceAccount(text: string): boolean {
  const account = objectIn(text);
  const { type, project_id: projectId, client_email: clientEmail, private_key: privateKey } = account;
  return (
    type === "service_account" &&
    isText(projectId) &&
    isText(clientEmail) &&
    /^[^@\s]+@[^@\s]+$/.test(clientEmail) &&
    isText(privateKey) &&
    /^-----BEGIN (?:RSA )?PRIVATE KEY-----\r?\n[\s\S]+-----END (?:RSA )?PRIVATE KEY-----\s*$/.test(privateKey)
  );
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
