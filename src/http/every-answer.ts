// Headers of every answer.
import type { NodeRequest } from "./exchange.ts";

export const everyAnswersHeaders: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  // No browser may take a value for a page or a script.
  "x-content-type-options": "nosniff",
};

/** Under TLS: for a year, no browser goes back to plain HTTP. */
export const tlsHeaders: Readonly<Record<string, string>> = {
  ...everyAnswersHeaders,
  "strict-transport-security": "max-age=31536000",
};

export function isEncrypted({ socket }: NodeRequest): boolean {
  return "encrypted" in socket && socket.encrypted === true;
}
