// Lists the forms in which a host may send a value back, each with its replacement. This is defence in depth, not a guarantee.

export interface ScrubForm {
  /** UTF-8 bytes without control characters, read as Latin-1, as Node reads headers. */
  find: string;
  put: string;
}

/** Shorter pieces would be found by chance. */
const pieceLengthMin = 8;

const htmlEntities: Readonly<{ [character: string]: string }> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
/** A shorter value would be found in any text, and its replacement would reveal it. */
const valueLengthMin = 4;

/**
 * Longest first; none for a value that is too short to be looked for. `written` are the headers that the value went into, as
 * they were sent and as the sandbox had them.
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
    // A user and a password are replaced as a whole, so that no letter at the ends is left.
    const credentials = /^Basic (\S+)$/.exec(sent)?.[1];
    if (credentials !== undefined)
      forms.push(...formsOfBasic(credentials, given.replace(/^\S+ +/, "").trim(), placeholder));
  }
  return forms.sort((a, b) => b.find.length - a.find.length);
}

function asLatin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** Also where the padding is encoded, and in the base64 of the base64: the header is one more thing that hosts send back so. */
function formsOfBasic(credentials: string, given: string, placeholder: string): ScrubForm[] {
  const withoutPadding = { find: credentials.replace(/=+$/, ""), put: given.replace(/=+$/, "") };
  const again = [0, 1, 2].flatMap((shift) => base64Pieces(Buffer.from(credentials), shift));
  return [{ find: credentials, put: given }, withoutPadding, ...again.map((find) => ({ find, put: placeholder }))];
}

/** Returns the value as browsers, forms, Python and RFC 3986 encode it. */
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

/** As it must be escaped, and as PHP, Go, Gson and .NET escape it beyond that. */
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

/** Returns the base64 of the value at each of the three alignments, without characters that depend on the bytes around it. */
function base64Pieces(bytes: Uint8Array, shift: number): string[] {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64");
  const from = Math.ceil((shift * 8) / 6);
  const piece = text.slice(from, Math.floor(((shift + bytes.byteLength) * 8) / 6));
  const whole = shift === 0 ? [text, text.replace(/=+$/, "")] : [];
  return [...whole, piece]
    .filter(({ length }) => length >= pieceLengthMin)
    .flatMap((each) => [each, each.replaceAll("+", "-").replaceAll("/", "_")]);
}
