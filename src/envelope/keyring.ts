// The root keyring: a text file with one base64 key a line, of which the first wraps and all unwrap.
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { RandomBytes } from "../domain/random.ts";
import { Sensitive } from "../domain/sensitive.ts";
import { StartupError } from "../domain/startup-error.ts";
import { derive, noSalt } from "./derive.ts";

const rootKeySizeBytes = 32;
// 32 bytes are 43 characters and one `=`; the last character carries four bits, its low two are zero.
const rootKeyPattern = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

export interface RootKey {
  /** Derived from the key, so that a file made with openssl needs no names. */
  id: string;
  key: Sensitive;
}

export interface Keyring {
  /** Wraps new keys. */
  first: RootKey;
  /** Every key, the first too. */
  byId: ReadonlyMap<string, RootKey>;
}

/** The keyring in `path`; a StartupError without any key text when there is none to be had. */
export function loadKeyring(path: string): Keyring {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    const code = errorCode(cause);
    const why = code === "ENOENT" ? "there is no such file" : `it cannot be read (${code})`;
    throw new StartupError(`root keyring ${path}: ${why}`, { cause });
  }
  try {
    return parseKeyring(text);
  } catch (cause) {
    if (cause instanceof StartupError) throw new StartupError(`root keyring ${path}: ${cause.message}`);
    throw cause;
  }
}

/** Blank lines and lines that begin with `#` count for nothing. */
export function parseKeyring(text: string): Keyring {
  const byId = new Map<string, RootKey>();
  for (const [index, line] of text.split("\n").entries()) {
    const entry = line.trim();
    if (entry === "" || entry.startsWith("#")) continue;
    if (!rootKeyPattern.test(entry)) {
      throw new StartupError(`line ${index + 1} is not the base64 of ${rootKeySizeBytes} bytes`);
    }
    const rootKey = createRootKey(Buffer.from(entry, "base64"));
    if (byId.has(rootKey.id)) throw new StartupError(`line ${index + 1} repeats a key`);
    byId.set(rootKey.id, rootKey);
  }
  const [first] = byId.values();
  if (first === undefined) throw new StartupError("it holds no key");
  return { first, byId };
}

/** Makes a keyring with one new key. Either the whole file is there afterwards, on disk and for its owner only, or none. */
export function createKeyring(path: string, random: RandomBytes): Keyring {
  const key = random(rootKeySizeBytes);
  const text = `# coffer root keys. The first one is in use, the others open what they wrapped. Lost keys mean lost secrets.
${Buffer.from(key).toString("base64")}
`;
  const temporaryPath = `${path}.${Buffer.from(random(8)).toString("hex")}.tmp`;
  try {
    writeDurably(temporaryPath, text);
    try {
      // Unlike a rename, a link never replaces a keyring that is already there.
      linkSync(temporaryPath, path);
    } finally {
      unlinkSync(temporaryPath);
    }
    syncFolder(dirname(path));
  } catch (cause) {
    const code = errorCode(cause);
    const why = code === "EEXIST" ? "it is already there" : `it cannot be created (${code})`;
    throw new StartupError(`root keyring ${path}: ${why}`, { cause });
  }
  return parseKeyring(text);
}

function createRootKey(bytes: Uint8Array): RootKey {
  const key = new Sensitive(bytes);
  return { id: derive(key, noSalt, "coffer/root-key-id/v1", 8).toString("hex"), key };
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, "wx", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncFolder(path: string): void {
  // Windows opens no folders.
  if (process.platform === "win32") return;
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown error";
}
