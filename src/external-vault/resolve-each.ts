// Resolves references one by one, a few at a time.
import { Sensitive } from "../domain/sensitive.ts";
import { failureOf, VaultError, vaultErrorOf } from "./failure.ts";
import type { Resolution } from "./vault.ts";

const atOnceMax = 4;
const sizeBytesMax = 65_536;

/** `one` returns the value of a reference, or fails with a VaultError. */
export async function resolveEach(
  references: readonly string[],
  one: (reference: string) => Promise<unknown>,
): Promise<ReadonlyMap<string, Resolution>> {
  const resolutions = new Map<string, Resolution>();
  const waiting = [...references];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const reference = next;
      const resolution = await one(reference)
        .then(resolutionOf)
        .catch((error: unknown) => vaultErrorOf(error).failure);
      resolutions.set(reference, resolution);
    }
  };
  await Promise.all(Array.from({ length: atOnceMax }, work));
  return resolutions;
}

/** A value must be text of 1 to 65,536 bytes. */
export function resolutionOf(value: unknown): Resolution {
  if (typeof value !== "string" || value === "") throw new VaultError(failureOf("unusable"));
  const bytes = Buffer.from(value, "utf8");
  if (bytes.byteLength > sizeBytesMax) throw new VaultError(failureOf("unusable"));
  return { value: new Sensitive(bytes) };
}

/** Returns the members of a JSON object; empty for other JSON. */
export function membersOf(json: unknown): Readonly<Record<string, unknown>> {
  return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
}

export function listOf(json: unknown): readonly unknown[] {
  if (Array.isArray(json)) return json as unknown[];
  throw new VaultError(failureOf("faulty"));
}
