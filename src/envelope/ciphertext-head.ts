// The first bytes of ciphertexts that callers get: which format, algorithm and key version. They tell where to look, and are believed only once the rest has authenticated.

const formatVersion = 1;
const headSizeBytes = 6;

export interface CiphertextHead {
  /** Of the algorithm, as the table of algorithms has it. */
  wireNumber: number;
  /** Of the key. */
  version: number;
  rest: Uint8Array;
}

/** format(1) algorithm(1) key version(4, big-endian) */
export function writeHead({ wireNumber, version }: Omit<CiphertextHead, "rest">): Buffer {
  const head = Buffer.alloc(headSizeBytes);
  head.writeUInt8(formatVersion, 0);
  head.writeUInt8(wireNumber, 1);
  head.writeUInt32BE(version, 2);
  return head;
}

/** Undefined for another format, or none. */
export function readHead(ciphertext: Uint8Array): CiphertextHead | undefined {
  if (ciphertext.byteLength <= headSizeBytes || ciphertext[0] !== formatVersion) return undefined;
  const view = Buffer.from(ciphertext.buffer, ciphertext.byteOffset, ciphertext.byteLength);
  return { wireNumber: view.readUInt8(1), version: view.readUInt32BE(2), rest: view.subarray(headSizeBytes) };
}
