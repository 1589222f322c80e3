// The root keyring: what is a valid file, what is refused, and that no error or print shows a key.
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { StartupError } from "../../src/domain/error/startup-error.ts";
import { createKeyring, followKeyring, loadKeyring, parseKeyring } from "../../src/envelope/keyring.ts";
import { hex, random } from "./fixtures.ts";

const [keyA, keyB] = [makeKey(), makeKey()];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coffer-keyring-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("reads", () => {
  test("the first key as the one to wrap with, and every key by its id", () => {
    const keyring = parseKeyring(`# a comment\n\n${keyA}\r\n  ${keyB}  \n#${makeKey()}`);
    expect(hex(keyring.first.key.reveal())).toBe(Buffer.from(keyA, "base64").toString("hex"));
    expect(keyring.byId.size).toBe(2);
    for (const [id, rootKey] of keyring.byId) {
      expect(id).toMatch(/^[0-9a-f]{16}$/);
      expect(rootKey.id).toBe(id);
    }
  });

  test("ids that stay when the order of keys changes", () => {
    expect(parseKeyring(`${keyA}\n${keyB}`).first.id).toBe([...parseKeyring(`${keyB}\n${keyA}`).byId.keys()][1]);
  });

  test("a file", () => {
    const path = join(folder, "keyring");
    writeFileSync(path, `${keyA}\n`);
    expect(loadKeyring(path).first.id).toBe(parseKeyring(keyA).first.id);
  });
});

describe("rejects", () => {
  const bytes = Buffer.from(keyA, "base64");
  test.each([
    ["nothing", "", "it holds no key"],
    ["comments only", "# nothing\n\n", "it holds no key"],
    ["31 bytes", bytes.subarray(1).toString("base64"), "line 1 is not the base64 of 32 bytes"],
    ["33 bytes", Buffer.concat([bytes, Buffer.of(1)]).toString("base64"), "line 1 is not the base64 of 32 bytes"],
    ["base64url", Buffer.alloc(32, 255).toString("base64url"), "line 1 is not the base64 of 32 bytes"],
    ["missing padding", `${keyB}\n${keyA.slice(0, -1)}`, "line 2 is not the base64 of 32 bytes"],
    ["bits left over", `${"A".repeat(42)}B=`, "line 1 is not the base64 of 32 bytes"],
    ["text behind the key", `${keyA} # mine`, "line 1 is not the base64 of 32 bytes"],
    ["hexadecimal", bytes.toString("hex"), "line 1 is not the base64 of 32 bytes"],
    ["a key twice", `${keyA}\n${keyB}\n${keyA}`, "line 3 repeats a key"],
  ])("%s", (_name, text, message) => {
    const path = join(folder, "keyring");
    writeFileSync(path, text);
    const error = startupErrorOf(() => loadKeyring(path));
    expect(error.message).toBe(`root keyring ${path}: ${message}`);
    expect(`${error.stack} ${inspect(error)}`).not.toContain(keyA.slice(0, 20));
  });

  test("a missing file and one that cannot be read", () => {
    const missing = join(folder, "missing");
    expect(startupErrorOf(() => loadKeyring(missing)).message).toBe(`root keyring ${missing}: there is no such file`);
    mkdirSync(join(folder, "folder"));
    expect(startupErrorOf(() => loadKeyring(join(folder, "folder"))).message).toContain("it cannot be read (EISDIR)");
  });
});

describe("creates", () => {
  test("a file for its owner only, that loads again, and leaves nothing else behind", () => {
    const path = join(folder, "keyring");
    const created = createKeyring(path, random);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(loadKeyring(path).first.id).toBe(created.first.id);
    expect(readdirSync(folder)).toEqual(["keyring"]);
  });

  test("nothing where a keyring already is", () => {
    const path = join(folder, "keyring");
    createKeyring(path, random);
    const before = readFileSync(path, "utf8");
    expect(startupErrorOf(() => createKeyring(path, random)).message).toBe(`root keyring ${path}: it is already there`);
    expect(readFileSync(path, "utf8")).toBe(before);
    expect(readdirSync(folder)).toEqual(["keyring"]);
  });

  test("nothing in a folder that is not there", () => {
    const path = join(folder, "missing", "keyring");
    expect(startupErrorOf(() => createKeyring(path, random)).message).toContain("it cannot be created (ENOENT)");
  });
});

describe("follows a file", () => {
  const idOf = (key: string) => parseKeyring(key).first.id;

  test("that gets another first key, also by a rename", () => {
    const path = join(folder, "keyring");
    writeFileSync(path, keyA);
    const keyring = followKeyring(path, () => {});
    writeFileSync(`${path}.new`, `${keyB}\n${keyA}\n`);
    renameSync(`${path}.new`, path);
    expect(keyring.first.id).toBe(idOf(keyB));
    expect([...keyring.byId.keys()]).toEqual([idOf(keyB), idOf(keyA)]);
  });

  test.each([
    ["is gone", (path: string) => rmSync(path)],
    ["is empty", (path: string) => writeFileSync(path, "")],
    ["is half written", (path: string) => writeFileSync(path, `${keyA}\n${keyB.slice(0, 20)}`)],
    [
      "cannot be looked at",
      (path: string) => {
        rmSync(path);
        symlinkSync(path, path);
      },
    ],
  ])("that %s, with the former keys, says so once, and takes it when it is whole again", (_name, spoil) => {
    const path = join(folder, "keyring");
    writeFileSync(path, keyA);
    const failures: unknown[] = [];
    const keyring = followKeyring(path, (error) => failures.push(error));
    spoil(path);
    expect([keyring.first.id, keyring.first.id]).toEqual([idOf(keyA), idOf(keyA)]);
    keyring.reread?.();
    expect(failures).toHaveLength(1);
    rmSync(path, { force: true });
    writeFileSync(path, `${keyB}\n${keyA}\n`);
    expect(keyring.first.id).toBe(idOf(keyB));
  });
});

test("printing a keyring shows no key", () => {
  const keyring = parseKeyring(keyA);
  const printed = `${inspect(keyring, { depth: 9, showHidden: true })} ${JSON.stringify(keyring)} ${JSON.stringify(keyring.first)}`;
  expect(printed).toContain("[redacted]");
  for (const form of ["base64", "hex"] as const) {
    expect(printed).not.toContain(Buffer.from(keyA, "base64").toString(form));
  }
});

test("what `openssl rand -base64 32` prints is a keyring", () => {
  let text: string;
  try {
    text = execFileSync("openssl", ["rand", "-base64", "32"], { encoding: "utf8" });
  } catch {
    // No openssl on this machine: its output is 44 characters of base64 and a line feed.
    text = `${makeKey()}\n`;
  }
  expect(parseKeyring(text).byId.size).toBe(1);
});

function makeKey(): string {
  return Buffer.from(random(32)).toString("base64");
}

function startupErrorOf(run: () => unknown): StartupError {
  try {
    run();
  } catch (error) {
    if (error instanceof StartupError) {
      expect(error.message).not.toContain("\n");
      return error;
    }
    throw error;
  }
  throw new Error("nothing was thrown");
}
