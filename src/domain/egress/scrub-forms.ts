// The encodings in which a host may send a value back, each with its replacement. This is defence in depth, not a promise.

export interface ScrubForm {
  /** UTF-8 bytes without control characters, read as Latin-1 like headers. */
  find: string;
  put: string;
}

/** Shorter pieces would match unrelated text. */
const pieceLengthMin = 8;

const htmlEntities: Readonly<{ [character: string]: string }> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
/** A shorter value would match unrelated text, and the replacement would reveal it. */
const valueLengthMin = 4;

/**
 * Returns the forms, longest first; empty when the value is too short. `written` are the headers with the value,
 * as the proxy sent them and as the sandbox wrote them.
 */
export function scrubForms(
  value: string,
  placeholder: string,
  written: readonly { sent: string; given: string }[],
): ScrubForm[] {
  const bytes = Buffer.from(value, "utf8");
  if (value.length < valueLengthMin) return [];
  const texts = new Set([
    value,
    ...inUrls(value),
    ...inJson(value),
    inHtml(value),
    ...[0, 1, 2].flatMap((shift) => base64Pieces(bytes, shift)),
  ]);
  const forms = [...texts].map((find) => ({ find: asLatin1(find), put: placeholder }));
  for (const { sent, given } of written) {
    // User and password are replaced as a whole, so that no character at the ends is left.
    const credentials = /^Basic (\S+)$/.exec(sent)?.[1];
    if (credentials !== undefined)
      forms.push(...formsOfBasic(credentials, given.replace(/^\S+ +/, "").trim(), placeholder));
  }
  return forms.sort((a, b) => b.find.length - a.find.length);
}

function asLatin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** Also with encoded padding, and base64 of the base64: hosts send the header back in these forms. */
function formsOfBasic(credentials: string, given: string, placeholder: string): ScrubForm[] {
  const withoutPadding = { find: credentials.replace(/=+$/, ""), put: given.replace(/=+$/, "") };
  const again = [0, 1, 2].flatMap((shift) => base64Pieces(Buffer.from(credentials), shift));
  return [{ find: credentials, put: given }, withoutPadding, ...again.map((find) => ({ find, put: placeholder }))];
}

/** The percent-encodings of browsers, forms, Python and RFC 3986. */
function inUrls(value: string): string[] {
  const encoded = encodeURIComponent(value);
  return [
    encoded,
    encoded.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    encoded.replaceAll("%20", "+"),
    encoded.replaceAll("%2F", "/"),
    encoded.replaceAll(/[!'()*]/g, (character) => `%${hexOf(character).toUpperCase()}`),
  ];
}

/** The JSON escapes that are required, and those of PHP, Go, Gson and .NET. */
function inJson(value: string): string[] {
  const text = JSON.stringify(value).slice(1, -1);
  const escaped = (characters: RegExp) => text.replaceAll(characters, (character) => `\\u00${hexOf(character)}`);
  const inNet = text.replaceAll(/[<>&'+`]/g, (character) => `\\u00${hexOf(character).toUpperCase()}`);
  return [text, text.replaceAll("/", "\\/"), escaped(/[<>&]/g), escaped(/[<>&=']/g), inNet];
}

function inHtml(value: string): string {
  return value.replaceAll(/[&<>"']/g, (character) => htmlEntities[character] ?? character);
}

function hexOf(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(2, "0");
}

/** The base64 of the value at each of the three offsets, without characters that neighbouring bytes change. */
function base64Pieces(bytes: Uint8Array, shift: number): string[] {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64");
  const from = Math.ceil((shift * 8) / 6);
  const piece = text.slice(from, Math.floor(((shift + bytes.byteLength) * 8) / 6));
  const whole = shift === 0 ? [text, text.replace(/=+$/, "")] : [];
  return [...whole, piece]
    .filter(({ length }) => length >= pieceLengthMin)
    .flatMap((each) => [each, each.replaceAll("+", "-").replaceAll("/", "_")]);
}
