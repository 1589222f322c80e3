// Headers of every answer.
import type { NodeRequest } from "./exchange.ts";

export const everyAnswersHeaders: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  // Browsers must not run a value as a page or a script.
  "x-content-type-options": "nosniff",
};

/** Under TLS: browsers must not use plain HTTP for a year. */
export const tlsHeaders: Readonly<Record<string, string>> = {
  ...everyAnswersHeaders,
  "strict-transport-security": "max-age=31536000",
};

export function isEncrypted({ socket }: NodeRequest): boolean {
  return "encrypted" in socket && socket.encrypted === true;
}
