// Remembers the secrets whose rows were verified, so that an unchanged row is read and verified once.
import type { DeploymentKeys } from "../envelope/deployment-keys.ts";
import { coveredOfSecret, isAuthentic } from "../integrity/row-macs.ts";
import { type StoredSecret, toSecretOfText } from "../store/rows/secret.ts";

export interface SecretTexts {
  /** Returns the secret that a row's text is, and whether the row authenticates. Do not change it: later calls return the same object. */
  read(text: string): ReadSecret;
}

export interface ReadSecret {
  secret: StoredSecret;
  isAuthentic: boolean;
  /** About the size of its text. */
  sizeBytes: number;
}

/** The memory of a generation is some 10 MiB. */
const secretsMax = 4_096;
const textLengthMax = 2_048;

export function createSecretTexts(keys: Pick<DeploymentKeys, "rowMacKey">): SecretTexts {
  // When the new generation is full, it becomes the old one, and secrets that nobody has asked for since are forgotten.
  let fresh = new Map<string, ReadSecret>();
  let old = new Map<string, ReadSecret>();

  function keep(text: string, read: ReadSecret): ReadSecret {
    if (fresh.size >= secretsMax) {
      old = fresh;
      fresh = new Map();
    }
    fresh.set(text, read);
    return read;
  }

  return {
    read(text) {
      const known = fresh.get(text);
      if (known) return known;
      const before = old.get(text);
      if (before) return keep(text, before);
      const secret = toSecretOfText(text);
      const read = {
        secret: Object.freeze(secret),
        isAuthentic: isAuthentic(keys, coveredOfSecret(secret), secret.rowMac),
        sizeBytes: Buffer.byteLength(text),
      };
      return read.isAuthentic && text.length <= textLengthMax ? keep(text, read) : read;
    },
  };
}
