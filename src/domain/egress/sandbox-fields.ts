// The rules for a sandbox's tags and variables.
import { checkAll, invalidField } from "../error/errors.ts";
import { envKeyRule, isEnvKey } from "./sandbox.ts";

type Texts = Readonly<Record<string, string>>;

const metadataEntriesMax = 64;
const metadataKeyBytesMax = 256;
const metadataValueBytesMax = 2_048;
const metadataBytesMax = 16_384;
const envVarsMax = 256;
const envVarsBytesMax = 65_536;

/** Fails with FIELD_INVALID, which names every broken entry of `metadata`. */
export function checkMetadata(metadata: Texts): void {
  const entries = Object.entries(metadata);
  if (entries.length > metadataEntriesMax) fail("metadata", `must have at most ${metadataEntriesMax} entries`);
  checkAll(
    ...entries.map(
      ([key, value]) =>
        () =>
          checkTag(key, value, fieldOf("metadata", key)),
    ),
    () =>
      Buffer.byteLength(JSON.stringify(metadata)) <= metadataBytesMax ||
      fail("metadata", `must have at most ${metadataBytesMax} bytes as JSON`),
  );
}

function checkTag(key: string, value: string, field: string): void {
  if (key === "" || Buffer.byteLength(key) > metadataKeyBytesMax) {
    fail(field, `must have a key of 1 to ${metadataKeyBytesMax} bytes`);
  }
  if (/^(?:superserve\.|_superserve)/i.test(key)) {
    fail(field, "must not have a key that begins with superserve. or _superserve: they are reserved");
  }
  // Postgres cannot store these characters in JSON.
  if (`${key}${value}`.includes("\0")) fail(field, "must not hold the character U+0000");
  if (!`${key}\n${value}`.isWellFormed()) fail(field, "must not hold a lone surrogate");
  if (Buffer.byteLength(value) > metadataValueBytesMax) fail(field, `must have at most ${metadataValueBytesMax} bytes`);
}

/** Fails with FIELD_INVALID, which names every broken entry of `env_vars`; `secrets` are bound under names of their own. */
export function checkEnvVars(envVars: Texts, secrets: Texts): void {
  const entries = Object.entries(envVars);
  if (entries.length > envVarsMax) fail("env_vars", `must have at most ${envVarsMax} entries`);
  checkAll(
    ...entries.map(([key, value]) => () => {
      const field = fieldOf("env_vars", key);
      if (!isEnvKey(key)) fail(field, envKeyRule);
      if (Object.hasOwn(secrets, key)) fail(field, "must not have the name of a secret in secrets: rename one of them");
      // A program cannot have it in its environment.
      if (value.includes("\0")) fail(field, "must not hold the character U+0000");
    }),
    () =>
      bytesOf(entries) <= envVarsBytesMax || fail("env_vars", `must have at most ${envVarsBytesMax} bytes in total`),
  );
}

function bytesOf(entries: readonly [string, string][]): number {
  return entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
}

function fieldOf(map: string, key: string): string {
  return `${map}[${JSON.stringify(key.slice(0, 64))}]`;
}

function fail(field: string, description: string): never {
  throw invalidField(field, description);
}
