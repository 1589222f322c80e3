// Passwords by a recipe: what they hold, that no character and no order is likelier than another, and recipes that make none.
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { CofferError } from "../../src/domain/error/errors.ts";
import type { RandomBytes } from "../../src/domain/random.ts";
import { createChooser } from "../../src/domain/random-choice.ts";
import { checkPasswordRecipe, makePassword, type PasswordRecipe } from "../../src/domain/secret/password.ts";

/** The same bytes for the same seed, as good as random. */
function seeded(seed: string): RandomBytes {
  let counter = 0;
  return (size) => {
    const blocks = Array.from({ length: Math.ceil(size / 32) }, () =>
      createHash("sha256").update(`${seed} ${counter++}`).digest(),
    );
    return Uint8Array.from(Buffer.concat(blocks).subarray(0, size));
  };
}

const recipe = (change: Partial<PasswordRecipe> = {}): PasswordRecipe => ({
  length: 20,
  alphabets: [{ characters: "LOWER", minimum: 0 }],
  excluded: "",
  ...change,
});

const make = (from: PasswordRecipe, random: RandomBytes) => Buffer.from(makePassword(from, random)).toString("latin1");

/** How far counts are from all being equal: as large as the degrees of freedom, give or take some of its square root. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** Fails when the counts of equally likely outcomes are less equal than they are in one case of many millions. */
function expectEven(counts: readonly number[]): void {
  const freedom = counts.length - 1;
  expect(chiSquare(counts)).toBeLessThan(freedom + 6 * Math.sqrt(2 * freedom));
}

function countsOf<T>(outcomes: readonly T[], all: readonly T[]): number[] {
  const counts = new Map<T, number>(all.map((one) => [one, 0]));
  for (const outcome of outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts.values()];
}

describe("a password", () => {
  it("has the length, the minimums and none of the excluded characters", () => {
    const from = recipe({
      length: 24,
      alphabets: [
        { characters: "LOWER", minimum: 3 },
        { characters: "UPPER", minimum: 4 },
        { characters: "DIGITS", minimum: 5 },
        { characters: "SYMBOLS", minimum: 2 },
        { characters: { explicit: "~ 0O" }, minimum: 1 },
      ],
      excluded: "lI1O0'\"\\",
    });
    const random = seeded("composition");
    for (let count = 0; count < 500; count++) {
      const password = make(from, random);
      expect(password).toMatch(/^[ -~]{24}$/);
      expect(password).not.toMatch(/[lI1O0'"\\]/);
      const found = [/[a-z]/g, /[A-Z]/g, /[0-9]/g, /[^A-Za-z0-9 ]/g, /[~ ]/g].map(
        (of) => password.match(of)?.length ?? 0,
      );
      for (const [index, minimum] of [3, 4, 5, 2, 1].entries()) expect(found[index]).toBeGreaterThanOrEqual(minimum);
    }
  });

  it("is nothing but minimums when they fill it, in any order", () => {
    const from = recipe({
      length: 8,
      alphabets: [
        { characters: { explicit: "a" }, minimum: 4 },
        { characters: { explicit: "b" }, minimum: 4 },
      ],
    });
    const random = seeded("orders");
    const passwords = Array.from({ length: 7_000 }, () => make(from, random));
    const orders = [...new Set(passwords)];
    // 8 over 4.
    expect(orders).toHaveLength(70);
    expectEven(countsOf(passwords, orders));
  });

  it.each(["LOWER", "DIGITS", "SYMBOLS"] as const)("has every character of %s equally often, in every place", (of) => {
    const random = seeded(of);
    const from = recipe({ length: 64, alphabets: [{ characters: of, minimum: 32 }] });
    const passwords = Array.from({ length: 1_000 }, () => make(from, random));
    const set = [...new Set(passwords.join(""))];
    expect(set).toHaveLength({ LOWER: 26, DIGITS: 10, SYMBOLS: 32 }[of]);
    expectEven(countsOf([...passwords.join("")], set));
    for (const place of [0, 31, 32, 63]) {
      expectEven(
        countsOf(
          passwords.map((password) => password[place] as string),
          set,
        ),
      );
    }
  });

  it("counts a character once that several alphabets have", () => {
    const from = recipe({
      length: 100,
      alphabets: [
        { characters: { explicit: "aaaab" }, minimum: 0 },
        { characters: { explicit: "bc" }, minimum: 0 },
      ],
    });
    const random = seeded("overlap");
    const all = Array.from({ length: 300 }, () => make(from, random)).join("");
    expectEven(countsOf([...all], ["a", "b", "c"]));
  });

  it("can be as long as recipes go", () => {
    expect(make(recipe({ length: 1024, alphabets: [{ characters: "UPPER", minimum: 1024 }] }), seeded("long"))).toMatch(
      /^[A-Z]{1024}$/,
    );
  });
});

describe("a choice", () => {
  it("is even where a plain remainder would not be", () => {
    const choose = createChooser(seeded("choice"));
    // 65,536 is 2 × 25,000 and 15,536 more: a plain remainder would be low in 57 cases of 100.
    const isLow = Array.from({ length: 20_000 }, () => choose.below(25_000) < 12_500);
    expectEven(countsOf(isLow, [true, false]));
  });

  it("throws away what would favour some, and never leaves the range", () => {
    const bytes = [255, 255, 255, 250, 0, 7];
    const choose = createChooser((size) => Uint8Array.from({ length: size }, (_, index) => bytes[index % 6] as number));
    // 65,535 and 65,530 are past the last whole round of ten.
    expect(choose.below(10)).toBe(7);
  });

  it("shuffles into every order equally often", () => {
    const choose = createChooser(seeded("shuffle"));
    const orders = Array.from({ length: 24_000 }, () => {
      const items = Uint8Array.of(0, 1, 2, 3);
      choose.shuffle(items);
      return items.join("");
    });
    expect(new Set(orders).size).toBe(24);
    expectEven(countsOf(orders, [...new Set(orders)]));
  });

  it("would be seen to favour some: the test sees a difference", () => {
    const random = seeded("biased");
    const numbers = Array.from({ length: 20_000 }, () => (random(1)[0] as number) % 100);
    expect(() => expectEven(countsOf(numbers, [...new Array(100).keys()]))).toThrow(/less than/);
  });
});

describe("a recipe that makes nothing", () => {
  const upper = { characters: "UPPER", minimum: 0 } as const;

  it.each<[string, Partial<PasswordRecipe>, string[]]>([
    ["minimums above the length", { length: 8, alphabets: [{ ...upper, minimum: 9 }] }, ["p.length"]],
    ["minimums that add up", { length: 8, alphabets: [5, 4].map((minimum) => ({ ...upper, minimum })) }, ["p.length"]],
    [
      "an alphabet that is excluded",
      { alphabets: [upper, { characters: "DIGITS", minimum: 1 }], excluded: "0123456789" },
      ["p.alphabets[1]"],
    ],
    ["one character", { alphabets: [{ characters: { explicit: "aab" }, minimum: 0 }], excluded: "b" }, ["p.alphabets"]],
    [
      "everything at once",
      {
        length: 8,
        alphabets: [
          { ...upper, minimum: 9 },
          { characters: { explicit: "x" }, minimum: 0 },
        ],
        excluded: "x",
      },
      ["p.length", "p.alphabets[1]"],
    ],
  ])("(%s) is refused by its field", (_, change, fields) => {
    let seen: unknown;
    try {
      checkPasswordRecipe(recipe(change), "p");
    } catch (error) {
      seen = error instanceof CofferError && error.violations.map(({ field }) => field);
    }
    expect(seen).toEqual(fields);
  });

  it("while one at the edge is not", () => {
    expect(() => checkPasswordRecipe(recipe({ length: 8, alphabets: [{ ...upper, minimum: 8 }] }), "p")).not.toThrow();
  });
});
