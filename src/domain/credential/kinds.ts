// The registry of kinds: what a secret may hold and what its value must be like.
import { invalidField, invalidFields } from "../errors.ts";

interface Kind {
  /** A credential for some service, which can be tried there. */
  isCredential: boolean;
  /** What may be given beside the value, because it is no secret. */
  fields?: readonly string[];
  /** At least so many characters. */
  lengthMin?: number;
}

const kinds: Readonly<Record<string, Kind>> = {
  generic: { isCredential: false },
  "cloud_provider/hcloud": { isCredential: true },
  "cloud_provider/aws": { isCredential: true, fields: ["aws_access_key_id"] },
  "cloud_provider/gcp": { isCredential: true },
  "cloud_provider/azure": { isCredential: true },
  oci_registry: { isCredential: true, fields: ["username"] },
  cloudflare_api: { isCredential: true },
  webhook_signing: { isCredential: false, lengthMin: 16 },
};

export const defaultKind = "generic";

export function isCredentialKind(kind: string): boolean {
  return kindNamed(kind)?.isCredential ?? false;
}

/** Fails unless the registry has this kind. */
export function checkKind(kind: string): void {
  if (!kindNamed(kind)) throw invalidField("kind", `must be one of ${Object.keys(kinds).join(", ")}`);
}

/** Fails when a value is too short for its kind; `field` is where the request holds it. */
export function checkValueOfKind(kind: string, sizeCharacters: number, field: string): void {
  const lengthMin = kindNamed(kind)?.lengthMin ?? 1;
  if (sizeCharacters < lengthMin) throw invalidField(field, `must have at least ${lengthMin} characters for ${kind}`);
}

/** Fails for a kind that has a rule for its value as a whole. */
export function checkPartsAllowed(kind: string, field: string): void {
  if (kindNamed(kind)?.lengthMin !== undefined) throw invalidField(field, `must be a single value for ${kind}`);
}

/** Fails with all fields that do not belong to credentials of the kind; `fieldOf` is what the request calls one. */
export function checkCredentialFields(
  kind: string,
  fields: Readonly<Record<string, string>>,
  fieldOf: (name: string) => string,
): void {
  const known = kindNamed(kind)?.fields ?? [];
  const [first, ...others] = Object.keys(fields)
    .filter((name) => !known.includes(name))
    .map((name) => ({ field: fieldOf(name), description: onlyFor(name) }));
  if (first) throw invalidFields([first, ...others]);
}

function onlyFor(field: string): string {
  const owners = Object.keys(kinds).filter((kind) => kindNamed(kind)?.fields?.includes(field));
  return owners.length === 0 ? "is no field of a credential" : `is only for ${owners.join(", ")}`;
}

function kindNamed(kind: string): Kind | undefined {
  return Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
}
