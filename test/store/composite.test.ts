// Texts of composite values and arrays that coffer reads and writes itself are those of PostgreSQL.
import { expect, it } from "vitest";
import { readComposite } from "../../src/store/rows/composite.ts";
import { textArray } from "../../src/store/rows/text-array.ts";
import { useCoffer } from "../support/coffer.ts";
import { seededRandom } from "../support/seeded-random.ts";

const coffer = useCoffer();

const types = ["text", "integer", "boolean", "timestamptz", "jsonb", "bytea"] as const;

const pieces = [
  "",
  "a",
  " ",
  ",",
  "(",
  ")",
  '"',
  "\\",
  "NULL",
  "null",
  "{",
  "}",
  "\n",
  "\t",
  "ü",
  "😀",
  "''",
  '""',
  "\\\\",
];

it("a composite value reads like its columns, whatever they hold", async () => {
  const random = seededRandom(7);
  const text = () => Array.from({ length: random.integer(4) }, () => random.oneOf(pieces)).join("");
  const rows = Array.from({ length: 300 }, () => [
    random.integer(5) === 0 ? null : text(),
    random.integer(5) === 0 ? null : random.integer(2_000_000) - 1_000_000,
    random.oneOf([null, true, false]),
    random.oneOf([null, new Date(random.integer(2_000_000_000) * 1_000), "infinity"]),
    random.oneOf([null, "{}", JSON.stringify({ [text()]: [text(), 1.5, null] })]),
    random.integer(5) === 0 ? null : Buffer.from(text()),
  ]);
  const parameters = types.map((type, index) => `$${index + 1}::${type}`);
  const columns = parameters.map((parameter, index) => `${parameter} as c${index}`);
  for (const values of rows) {
    const [row] = await coffer.sql(
      `select ${columns.join(", ")}, row(${parameters.join(", ")})::text as whole`,
      values,
    );
    const { whole, ...read } = row as Record<string, unknown>;
    expect(readComposite(String(whole), types)).toEqual(Object.values(read));
  }
});

it.each(["", "(", ")", "a", '("a)', "(a", "(a)b", '(a"b)', "(a\\b)"])("%j is not a composite value", (text) => {
  expect(() => readComposite(text, ["text"])).toThrow(/^the (?:text is not a composite value|composite value has)/);
});

it("a composite value with another number of fields is refused", () => {
  expect(() => readComposite("(a,b)", ["text"])).toThrow("another number of fields");
});

it("the text of an array gives the same items, whatever they hold", async () => {
  const random = seededRandom(8);
  const text = () => Array.from({ length: random.integer(4) }, () => random.oneOf(pieces)).join("");
  const arrays: (string | null)[][] = [[], [null], [""], ["a", "b"], ['"'], ["\\"], ["a", '","']];
  for (let i = 0; i < 300; i++) {
    arrays.push(Array.from({ length: random.integer(5) }, () => (random.integer(6) === 0 ? null : text())));
  }
  for (const items of arrays) {
    const [row] = await coffer.sql("select $1::text[] as items", [textArray(items)]);
    expect(row?.["items"]).toEqual(items);
  }
});
