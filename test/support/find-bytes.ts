// Looks for a text in files and in memory, raw and in the encodings in which it might have got there.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The forms in which a text would be found: as it is, in hex, and in base64 wherever it stands in what was encoded. */
export function formsOf(text: string): string[] {
  const bytes = Buffer.from(text);
  const hex = bytes.toString("hex");
  const base64 = [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]);
    // The outer characters depend on the neighbours.
    return (["base64", "base64url"] as const).map((encoding) => {
      return encoded
        .toString(encoding)
        .replace(/=+$/, "")
        .slice(offset === 0 ? 0 : offset + 1, -1);
    });
  });
  return [...new Set([text, hex, hex.toUpperCase(), encodeURIComponent(text), ...base64])];
}

/** Which of the texts stand in the content, in any form. */
export function textsIn(content: Buffer | string, texts: readonly string[]): string[] {
  const buffer = Buffer.isBuffer(content) ? content : Buffer.from(content);
  return texts.filter((text) => formsOf(text).some((form) => buffer.includes(form)));
}

/** The texts that stand in files below a directory, with the file. */
export function textsInFiles(dir: string, texts: readonly string[]): { path: string; text: string }[] {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true, encoding: "utf8" });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .flatMap((path) => textsIn(readFileSync(path), texts).map((text) => ({ path, text })));
}
