// Makes passwords by a recipe: a length, alphabets, and a minimum of characters of each.
import { type FieldViolation, failOn } from "../error/errors.ts";
import type { RandomBytes } from "../random.ts";
import { createChooser } from "../random-choice.ts";

export type CharacterClass = "LOWER" | "UPPER" | "DIGITS" | "SYMBOLS";

export interface Alphabet {
  /** A class, or the characters themselves: printable ASCII. */
  characters: CharacterClass | { explicit: string };
  /** The password has at least so many characters of it. */
  minimum: number;
}

export interface PasswordRecipe {
  length: number;
  alphabets: readonly Alphabet[];
  /** The password has none of these characters. */
  excluded: string;
}

const classes: Readonly<Record<CharacterClass, string>> = {
  LOWER: "abcdefghijklmnopqrstuvwxyz",
  UPPER: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
  DIGITS: "0123456789",
  SYMBOLS: "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
};

// A password of a single character can be guessed.
const charactersMin = 2;

/** Fails with FIELD_INVALID if no password fits the recipe. `field` is the request's field. */
export function checkPasswordRecipe(recipe: PasswordRecipe, field: string): void {
  const violations: FieldViolation[] = [];
  const needed = recipe.alphabets.reduce((sum, { minimum }) => sum + minimum, 0);
  if (needed > recipe.length) {
    violations.push({ field: `${field}.length`, description: "must be at least the sum of the minimums" });
  }
  const sets = charactersOf(recipe);
  for (const [index, set] of sets.entries()) {
    if (set.length > 0) continue;
    violations.push({
      field: `${field}.alphabets[${index}]`,
      description: "must have a character that is not excluded",
    });
  }
  if (violations.length === 0 && together(sets).length < charactersMin) {
    violations.push({
      field: `${field}.alphabets`,
      description: `must have at least ${charactersMin} different characters`,
    });
  }
  failOn(violations);
}

/** Returns a new password in ASCII. Check the recipe before. */
export function makePassword(recipe: PasswordRecipe, random: RandomBytes): Uint8Array {
  const sets = charactersOf(recipe);
  const all = together(sets);
  const choose = createChooser(random);
  const password = new Uint8Array(recipe.length);
  let size = 0;
  const add = (set: readonly number[]) => {
    password[size++] = set[choose.below(set.length)] as number;
  };
  for (const [index, { minimum }] of recipe.alphabets.entries()) {
    for (let count = 0; count < minimum; count++) add(sets[index] as number[]);
  }
  while (size < password.length) add(all);
  choose.shuffle(password);
  choose.forget();
  return password;
}

/** Returns the distinct characters of each alphabet without the excluded ones. */
function charactersOf({ alphabets, excluded }: PasswordRecipe): number[][] {
  return alphabets.map(({ characters }) => {
    const text = typeof characters === "string" ? classes[characters] : characters.explicit;
    return together([[...text].filter((character) => !excluded.includes(character)).map((one) => one.charCodeAt(0))]);
  });
}

function together(sets: readonly (readonly number[])[]): number[] {
  return [...new Set(sets.flat())];
}
