// The head of ciphertexts for callers: format, algorithm and key version. It is trusted only after the rest has authenticated.

const formatVersion = 1;
const headSizeBytes = 6;

export interface CiphertextHead {
  /** The number of the algorithm in the table of algorithms. */
  wireNumber: number;
  /** The key version. */
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

/** Returns undefined for another format. */
export function readHead(ciphertext: Uint8Array): CiphertextHead | undefined {
  if (ciphertext.byteLength <= headSizeBytes || ciphertext[0] !== formatVersion) return undefined;
  const view = Buffer.from(ciphertext.buffer, ciphertext.byteOffset, ciphertext.byteLength);
  return { wireNumber: view.readUInt8(1), version: view.readUInt32BE(2), rest: view.subarray(headSizeBytes) };
}
