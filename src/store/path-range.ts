// Computes ranges of paths for an index.

/** Returns the first text that sorts after all texts with this prefix. A path begins with `/`, so it exists. */
export function afterPrefix(prefix: string): string {
  const points = [...prefix].map((character) => character.codePointAt(0) as number);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop() as number;
  // Surrogates are not characters.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}
