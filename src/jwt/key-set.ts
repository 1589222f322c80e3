// JSON Web Key Sets: parsed from text, and fetched from the issuer.
import { readFile } from "node:fs/promises";
import { createLocalJWKSet, type JSONWebKeySet, type JWK, type LocalJWKSet } from "jose";
import type { KeySetLocation } from "./issuer.ts";
import { weaknessOf } from "./weak-key.ts";

const sizeBytesMax = 256 * 1024;
const keysMax = 100;
const fetchTimeoutMs = 5_000;

/** Throws when the set has no public key for signatures. Ignores keys that are too weak. */
export function parseKeySet(text: string): LocalJWKSet {
  const usable = publicKeysIn(text).filter((key) => weaknessOf(key) === undefined);
  if (usable.length === 0) throw new Error("no key in the set verifies signatures");
  return createLocalJWKSet({ keys: usable } satisfies JSONWebKeySet);
}

/** Returns a sentence about the first weak key of the set; undefined when there is none. Throws like `parseKeySet`. */
export function weaknessIn(text: string): string | undefined {
  for (const key of publicKeysIn(text)) {
    const weakness = weaknessOf(key);
    if (weakness !== undefined) return `key ${JSON.stringify(key.kid ?? "")} is too weak: ${weakness}`;
  }
  return undefined;
}

function publicKeysIn(text: string): JWK[] {
  const { keys } = JSON.parse(text) as { keys?: unknown };
  if (!Array.isArray(keys) || keys.length > keysMax) throw new Error("not a key set of at most 100 keys");
  return keys.filter(isUsable);
}

/** Rejects symmetric keys, which a published set would reveal, and private keys. */
function isUsable(key: unknown): key is JWK {
  if (typeof key !== "object" || key === null) return false;
  const { kty, use, d } = key as JWK;
  return (kty === "RSA" || kty === "EC" || kty === "OKP") && d === undefined && (use === undefined || use === "sig");
}

/** Fetches the text of the set within five seconds. Does not follow redirects; at most 256 KiB. */
export async function loadKeySetText(location: KeySetLocation): Promise<string> {
  if ("file" in location) return readFile(location.file, "utf8");
  const response = await fetch(location.url, {
    redirect: "error",
    headers: { accept: "application/json" },
    signal: AbortSignal.timeout(fetchTimeoutMs),
  });
  if (response.status !== 200 || !response.body) {
    await response.body?.cancel();
    throw new Error(`the key set's answer has status ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > sizeBytesMax) throw new Error(`the key set is larger than ${sizeBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
