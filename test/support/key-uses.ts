// Helpers for tests of uses of keys: keys by algorithm, bytes, key material wrapped for import, and programs that are not coffer.
import { execFileSync } from "node:child_process";
import { constants, createCipheriv, publicEncrypt, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestCoffer } from "./coffer.ts";

export const utf8 = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text));
export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** Runs openssl on files with these contents, named in its arguments by their names; returns what it wrote to `out`, or printed. */
export function openssl(args: readonly string[], files: Record<string, Uint8Array | string>): Buffer {
  const dir = mkdtempSync(join(tmpdir(), "coffer-openssl-"));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), content);
    return execFileSync("openssl", args, { cwd: dir, stdio: ["ignore", "pipe", "pipe"] });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Wraps material as openssl's users do: RSA-OAEP with SHA-256. */
export function wrapWithOpenssl(publicKey: string, material: Uint8Array): Buffer {
  const options = ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"];
  const pkeyopts = options.flatMap((option) => ["-pkeyopt", option]);
  return openssl(["pkeyutl", "-encrypt", "-pubin", "-inkey", "pub.pem", "-in", "key", ...pkeyopts], {
    "pub.pem": publicKey,
    key: material,
  });
}

/** CKM_RSA_AES_KEY_WRAP of PKCS #11: an AES key in RSA-OAEP, and the material in AES-KWP. */
export function wrapWithAes(publicKey: string, material: Uint8Array, oaepHash = "sha256"): Buffer {
  const aesKey = randomBytes(32);
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const cipher = createCipheriv("id-aes256-wrap-pad", aesKey, Buffer.from("a65959a6", "hex"));
  const wrapped = Buffer.concat([cipher.update(material), cipher.final()]);
  return Buffer.concat([publicEncrypt({ key: publicKey, padding, oaepHash }, aesKey), wrapped]);
}

/** The audit events about a key that come from its uses, as `Method version result occurrences`, oldest first. */
export async function usesOf(coffer: TestCoffer, id: string): Promise<string[]> {
  const rows = await coffer.sql(
    `select method, version_number, result, occurrences from audit_event where resource_id = $1
      and method !~ 'CreateKey|RotateKey|DisableKey|EnableKey|Destruction' order by event_time, event_id`,
    [id],
  );
  return rows.map((row) => {
    const method = String(row["method"]).split("/")[1];
    const version = typeof row["version_number"] === "number" ? row["version_number"] : "-";
    return [method, version, row["result"], row["occurrences"]].join(" ");
  });
}
