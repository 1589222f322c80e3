// Writes the vector files. Written vectors never change: a changed known answer is a changed format, which gets a version of its own.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { aeadTests } from "./aead-tests.ts";
import { knownAnswers } from "./known-answers.ts";
import { algorithmNames } from "./primitives.ts";

/** Every vector file with its content. */
export function vectorFiles(): Map<string, string> {
  const content: [string, unknown][] = [
    ["known-answers.json", knownAnswers()],
    ...algorithmNames.map((algorithm): [string, unknown] => [`aead-${algorithm}.json`, aeadTests(algorithm)]),
  ];
  return new Map(content.map(([name, value]) => [name, `${JSON.stringify(value, null, 1)}\n`]));
}

if (import.meta.main) {
  for (const [name, text] of vectorFiles()) writeFileSync(join(import.meta.dirname, name), text);
}
