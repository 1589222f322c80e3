// Ranges of paths, which an index finds.

/** The first text that sorts after everything with this prefix. A path begins with `/`, so there is one. */
export function afterPrefix(prefix: string): string {
  const points = [...prefix].map((character) => character.codePointAt(0) as number);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop() as number;
  // Surrogates are no characters.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}
