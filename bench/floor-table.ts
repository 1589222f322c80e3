// The floor's own table: the same payloads as coffer's, sealed with one key and nothing else.
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

export const createFloorTable = `create table floor_secret (
  id text collate "C" primary key,
  name text collate "C" not null unique,
  labels jsonb not null default '{}',
  create_time timestamptz not null default now(),
  update_time timestamptz not null default now(),
  nonce bytea not null,
  ciphertext bytea not null
)`;

const tagSizeBytes = 16;

export interface FloorSealed {
  nonce: Buffer;
  /** With the tag at its end. */
  ciphertext: Buffer;
}

export function floorSeal(key: Uint8Array, payload: Uint8Array): FloorSealed {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  return { nonce, ciphertext: Buffer.concat([cipher.update(payload), cipher.final(), cipher.getAuthTag()]) };
}

export function floorOpen(key: Uint8Array, { nonce, ciphertext }: FloorSealed): Buffer {
  const decipher = createDecipheriv("aes-256-gcm", key, nonce);
  decipher.setAuthTag(ciphertext.subarray(-tagSizeBytes));
  return Buffer.concat([decipher.update(ciphertext.subarray(0, -tagSizeBytes)), decipher.final()]);
}
