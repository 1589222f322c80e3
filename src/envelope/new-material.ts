// Generates the material of new key versions. RSA keys take seconds: they are generated off the event loop, one at a time.
import { generateKeyPair, generateKeyPairSync } from "node:crypto";
import { assertNever, CofferError } from "../domain/error/errors.ts";
import type { RandomBytes } from "../domain/random.ts";
import { Sensitive } from "../domain/sensitive.ts";
import { type KeyAlgorithm, keySpec } from "./algorithms.ts";
import { pkcs8Of } from "./key-objects.ts";

/** Returns raw bytes for symmetric and MAC keys, PKCS#8 for private keys. */
export async function newMaterial(algorithm: KeyAlgorithm, random: RandomBytes): Promise<Sensitive> {
  const spec = keySpec(algorithm);
  switch (spec.kind) {
    case "aead":
    case "mac":
      return new Sensitive(random(spec.keySizeBytes));
    case "rsa":
      return newRsaKey(spec.modulusBits);
    case "ec":
      return pkcs8Of(generateKeyPairSync("ec", { namedCurve: spec.curve }).privateKey);
    case "ed25519":
      return pkcs8Of(generateKeyPairSync("ed25519").privateKey);
    default:
      return assertNever(spec);
  }
}

/** Whether generating the material takes seconds. */
export function isSlowToMake(algorithm: KeyAlgorithm): boolean {
  return keySpec(algorithm).kind === "rsa";
}

let lastRsaKey: Promise<unknown> = Promise.resolve();
let waiting = 0;
const waitingMax = 50;

/** Runs one generation at a time, because Node's few threads also resolve host names and hash. Fails with RATE_LIMITED when too many wait. */
export async function newRsaKey(modulusLength: number): Promise<Sensitive> {
  if (waiting >= waitingMax) {
    const message = `more than ${waitingMax} RSA keys are waiting to be made on this instance; retry later`;
    throw new CofferError("RATE_LIMITED", message, { limit: String(waitingMax) }, { retryDelayMs: 10_000 });
  }
  waiting++;
  try {
    return await makeRsaKey(modulusLength);
  } finally {
    waiting--;
  }
}

function makeRsaKey(modulusLength: number): Promise<Sensitive> {
  const make = () =>
    new Promise<Sensitive>((resolve, reject) => {
      generateKeyPair("rsa", { modulusLength, publicExponent: 0x10001 }, (error, _, privateKey) =>
        error ? reject(error) : resolve(pkcs8Of(privateKey)),
      );
    });
  const made = lastRsaKey.then(make, make);
  lastRsaKey = made;
  return made;
}
