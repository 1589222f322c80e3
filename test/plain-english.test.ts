// Texts use plain words: messages, comments of the API and of the sources, pages, the example of settings.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");

/** Phrases that texts must not have, and the words to use instead. */
const phrases: [RegExp, instead: string][] = [
  [/(?<!\b[Tt]here )\b(?:is|are) no (?!longer\b|more\b)\w+/, "is not a …"],
  [/\bneither yes nor no\b/, "gave no definite answer"],
  [/\blies? ahead\b/, "must be in the future"],
  [/\b(?:is|are|was) away\b/, "is unavailable"],
  [/\bwants? (?:a|an|the)\b/, "requires"],
  [/\b[Ww]hoever\b/, "a caller that …"],
  [/^there is nothing at\b/, "is not found"],
];

/** A sentence starts with its noun: these words name a thing by a clause, which a reader has to read twice. */
const clauseFirst = /(?:^|[.:;] )(?:What|Where|Of|Whoever|Whom|Whose|Who|Whence|Such as) (?![^.]*\?)/;

/** Literals that read as a sentence or a part of one. */
const literals = /"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g;

function messagesOf(source: string): string[] {
  const code = source.replaceAll(/^\s*(?:\/\/|\*|\/\*).*$/gm, "");
  return [...code.matchAll(literals)]
    .map(([, quoted, template]) => quoted ?? template ?? "")
    .filter((text) => text.includes(" "));
}

const commentsOf = (source: string) => [...source.matchAll(/^\s*\/\/ (.*)$/gm)].map(([, text]) => text ?? "");

/** Line comments and doc comments of TypeScript. */
const codeCommentsOf = (source: string) =>
  [...source.matchAll(/^\s*(?:\/\/|\/?\*\*?)\s(.*?)(?:\s*\*\/)?$/gm)].map(([, text]) => text ?? "");

const read = (pattern: string, pick: (source: string) => string[]) =>
  globSync(pattern, { cwd: root }).flatMap((file) =>
    pick(readFileSync(join(root, file), "utf8")).map((text): [string, string] => [file, text]),
  );

function texts(): [file: string, text: string][] {
  return [
    ...read("src/**/*.ts", messagesOf),
    ...read("proto/coffer/**/*.proto", commentsOf),
    ...[".env.example", "*.md", "docs/**/*.md"].flatMap((pattern) => read(pattern, (source) => source.split("\n"))),
  ].filter(([, text]) => !/^\s*(?:select|insert|update|delete|with|alter|create)\b/.test(text));
}

describe("texts that users read", () => {
  const all = texts();

  it("are found", () => {
    expect(all.length).toBeGreaterThan(2_000);
  });

  it.each(phrases)("do not say %s", (phrase, instead) => {
    expect(
      all.filter(([, text]) => phrase.test(text)).map(([file, text]) => `${file}: ${text} (say: ${instead})`),
    ).toEqual([]);
  });

  it("start their sentences with a noun, also in the comments of the sources", () => {
    const comments = ["src", "test", "bench", "scripts"].flatMap((folder) => read(`${folder}/**/*.ts`, codeCommentsOf));
    expect(comments.length).toBeGreaterThan(3_000);
    const found = [...all, ...comments].filter(([, text]) => clauseFirst.test(text));
    expect(found.map(([file, text]) => `${file}: ${text}`)).toEqual([]);
  });
});
