// The compact form of a JWT, read strictly: encodings that signers do not produce are refused, even if lenient decoders accept them.

type Json = Record<string, unknown>;

export interface UnverifiedJwt {
  header: Json;
  payload: Json;
}

// Groups of four characters, then two or three characters whose unused bits are zero. No padding, no spaces.
const base64url = "(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?";
const compact = new RegExp(`^(${base64url})\\.(${base64url})\\.(${base64url})$`);

/** Returns whether the text has the form of a JWT. It may still be invalid. */
export function isCompactForm(text: string): boolean {
  return compact.test(text);
}

/** Returns undefined if the text cannot be a JWT. Do not trust any part before the signature is verified. */
export function parseCompact(text: string): UnverifiedJwt | undefined {
  const [, header, payload, signature] = compact.exec(text) ?? [];
  if (!header || !payload || !signature) return undefined;
  const parts = { header: decodeObject(header), payload: decodeObject(payload) };
  return parts.header && parts.payload ? { header: parts.header, payload: parts.payload } : undefined;
}

function decodeObject(part: string): Json | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(part, "base64url"));
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

// Header parameters with a key of the sender, and `crit`: coffer refuses them.
const refusedParameters = ["jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"];
const types = new Set(["jwt", "at+jwt", "application/jwt", "application/at+jwt"]);
const keyIdLengthMax = 256;

/** Whether a header (RFC 8725) has an allowed algorithm, names its key only by id, and is not another type of token. */
export function isHeaderAllowed(header: Json, algorithms: readonly string[]): boolean {
  const { alg, kid, typ } = header;
  return (
    typeof alg === "string" &&
    algorithms.includes(alg) &&
    refusedParameters.every((name) => !Object.hasOwn(header, name)) &&
    (kid === undefined || (typeof kid === "string" && kid.length <= keyIdLengthMax)) &&
    (typ === undefined || (typeof typ === "string" && types.has(typ.toLowerCase())))
  );
}
