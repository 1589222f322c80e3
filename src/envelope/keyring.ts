// The root keyring: a text file with one base64 key on each line. The first wraps, all unwrap.
import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { StartupError } from "../domain/error/startup-error.ts";
import type { RandomBytes } from "../domain/random.ts";
import { Sensitive } from "../domain/sensitive.ts";
import { derive, noSalt } from "./derive.ts";

const rootKeySizeBytes = 32;
// 32 bytes are 43 characters and one `=`. The last character holds four bits; its low two are zero.
const rootKeyPattern = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

export interface RootKey {
  /** Derived from the key, so that keys from openssl need no names. */
  id: string;
  key: Sensitive;
}

export interface Keyring {
  /** Wraps new keys. */
  first: RootKey;
  /** All keys, including the first. */
  byId: ReadonlyMap<string, RootKey>;
  /** Reads the file again if it has changed. */
  reread?: () => void;
}

/** Returns the keyring in `path`. Fails with a StartupError, which never contains key text. */
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

/**
 * Returns the keyring in `path` and rereads the file when it changes, so that new keys need no restart. If the changed file is not
 * valid, the former keys stay in use and `onFailure` is called once. Fails as `loadKeyring` does.
 */
export function followKeyring(path: string, onFailure: (error: unknown) => void): Keyring {
  // Read before the file, so that the next reread notices a change in between.
  let seen = stampOf(path);
  let current = loadKeyring(path);
  const reread = () => {
    const stamp = stampOf(path);
    if (stamp === seen) return;
    seen = stamp;
    try {
      current = loadKeyring(path);
    } catch (error) {
      onFailure(error);
    }
  };
  return {
    get first() {
      reread();
      return current.first;
    },
    get byId() {
      return current.byId;
    },
    reread,
  };
}

/** Ignores blank lines and lines that begin with `#`. */
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

/** Creates a keyring with one new key. Afterwards the complete file is on disk, readable by its owner only, or there is no file. */
export function createKeyring(path: string, random: RandomBytes): Keyring {
  const key = random(rootKeySizeBytes);
  const text = `${firstLine}
${Buffer.from(key).toString("base64")}
`;
  const temporaryPath = `${path}.${Buffer.from(random(8)).toString("hex")}.tmp`;
  try {
    writeDurably(temporaryPath, text);
    try {
      // Unlike a rename, a link never replaces an existing keyring.
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

const firstLine =
  "# coffer root keys. The first one is in use, the others open what they wrapped. Lost keys mean lost secrets.";

const addedLine = "# The next key was added and is not used for new wraps yet: coffer keyring rotate puts it first.";

/** Adds a new key at the end: it can unwrap, but does not wrap yet. Returns its id. */
export function addRootKey(path: string, random: RandomBytes): string {
  const text = readKeyringText(path);
  const rootKey = createRootKey(random(rootKeySizeBytes));
  replaceKeyring(path, text, `${text.replace(/\n*$/, "\n")}${addedLine}\n${lineOf(rootKey)}\n`, random);
  return rootKey.id;
}

/** Returns the id of the newest added key that was never the first. It is never a key that a rotation replaced. */
export function findAddedRootKey(path: string): string | undefined {
  const lines = readKeyringText(path)
    .split("\n")
    .map((line) => line.trim());
  const added = lines.findLast((line, index) => lines[index - 1] === addedLine && rootKeyPattern.test(line));
  return added === undefined ? undefined : createRootKey(Buffer.from(added, "base64")).id;
}

/** Makes a key of the keyring the first one, which new wraps use. */
export function putRootKeyFirst(path: string, keyId: string, random: RandomBytes): void {
  const text = readKeyringText(path);
  const { byId } = parseKeyring(text);
  const rootKey = byId.get(keyId);
  if (!rootKey) throw new StartupError(`root keyring ${path}: it has no key ${keyId}`);
  const lines = text.split("\n").filter((line) => ![firstLine, ""].includes(line.trim()));
  const isOfKey = (line = "") => line.trim() === lineOf(rootKey);
  const others = lines.filter(
    (line, index) => !isOfKey(line) && !(line.trim() === addedLine && isOfKey(lines[index + 1])),
  );
  replaceKeyring(path, text, `${[firstLine, lineOf(rootKey), ...others].join("\n")}\n`, random);
}

function lineOf({ key }: RootKey): string {
  return Buffer.from(key.reveal()).toString("base64");
}

function readKeyringText(path: string): string {
  loadKeyring(path);
  return readFileSync(path, "utf8");
}

/** Replaces the file durably and atomically; owner and mode stay. After a failure the old file is unchanged. */
function replaceKeyring(path: string, old: string, text: string, random: RandomBytes): void {
  const temporaryPath = `${path}.${Buffer.from(random(8)).toString("hex")}.tmp`;
  try {
    const { mode, uid, gid } = statSync(path);
    try {
      writeDurably(temporaryPath, text);
      chmodSync(temporaryPath, mode);
      if (process.getuid?.() === 0) chownSync(temporaryPath, uid, gid);
      if (readFileSync(path, "utf8") !== old)
        throw new StartupError(`root keyring ${path}: another process changed it meanwhile; try again`);
      renameSync(temporaryPath, path);
    } catch (error) {
      rmSync(temporaryPath, { force: true });
      throw error;
    }
    syncFolder(dirname(path));
  } catch (cause) {
    if (cause instanceof StartupError) throw cause;
    const way = "in the place that this file comes from, add the output of `openssl rand -base64 32` as the first line";
    throw new StartupError(`root keyring ${path}: it cannot be written (${errorCode(cause)}); ${way}, and try again`, {
      cause,
    });
  }
}

/** Returns a text that differs after each change of the file. Never throws, because an unreadable folder must not fail a call. */
function stampOf(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino} ${size} ${mtimeMs}`;
  } catch (error) {
    return errorCode(error);
  }
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
  // Windows cannot open folders.
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
