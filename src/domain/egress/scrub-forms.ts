// The forms in which a host may send a value back, each with the placeholder in its place: defence in depth, not a promise.

export interface ScrubForm {
  find: string;
  put: string;
}

/** Shorter pieces would be found where nobody wrote them. */
const pieceLengthMin = 8;

/** Longest first. `written` are the headers that the value went into, as they were sent and as the sandbox had them. */
export function scrubForms(
  value: string,
  placeholder: string,
  written: readonly { sent: string; given: string }[],
): ScrubForm[] {
  const bytes = Buffer.from(value, "utf8");
  const encoded = encodeURIComponent(value);
  const texts = new Set([
    value,
    encoded,
    encoded.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    encoded.replaceAll("%20", "+"),
    JSON.stringify(value).slice(1, -1),
    ...[0, 1, 2].flatMap((shift) => base64Pieces(bytes, shift)),
  ]);
  const forms = [...texts].map((find) => ({ find, put: placeholder }));
  for (const { sent, given } of written) {
    // A user and a password: as a whole, so that no letter at its ends is left.
    const credentials = /^Basic (\S+)$/.exec(sent)?.[1];
    if (credentials !== undefined) forms.push({ find: credentials, put: given.replace(/^\S+ +/, "").trim() });
  }
  return forms.sort((a, b) => b.find.length - a.find.length);
}

/** What base64 makes of the value wherever it stands: of the characters that other bytes share none. */
function base64Pieces(bytes: Uint8Array, shift: number): string[] {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64");
  const from = Math.ceil((shift * 8) / 6);
  const piece = text.slice(from, Math.floor(((shift + bytes.byteLength) * 8) / 6));
  const whole = shift === 0 ? [text, text.replace(/=+$/, "")] : [];
  return [...whole, piece]
    .filter(({ length }) => length >= pieceLengthMin)
    .flatMap((each) => [each, each.replaceAll("+", "-").replaceAll("/", "_")]);
}
