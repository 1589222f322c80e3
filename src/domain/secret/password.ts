// Passwords by a recipe: so long, of these characters, so many of each alphabet at least.
import { type FieldViolation, failOn } from "../error/errors.ts";
import type { RandomBytes } from "../random.ts";
import { createChooser } from "../random-choice.ts";

export type CharacterClass = "LOWER" | "UPPER" | "DIGITS" | "SYMBOLS";

export interface Alphabet {
  /** A class, or the characters themselves: printable ASCII. */
  characters: CharacterClass | { explicit: string };
  /** At least so many characters of it. */
  minimum: number;
}

export interface PasswordRecipe {
  length: number;
  alphabets: readonly Alphabet[];
  /** Characters that it must not have, whatever alphabet they are of. */
  excluded: string;
}

const classes: Readonly<Record<CharacterClass, string>> = {
  LOWER: "abcdefghijklmnopqrstuvwxyz",
  UPPER: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
  DIGITS: "0123456789",
  SYMBOLS: "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
};

// With a single one there would be nothing to guess.
const charactersMin = 2;

/** Fails with FIELD_INVALID when nothing can be made by it; `field` is what the request calls it. */
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
      description: `must have ${charactersMin} different characters at least`,
    });
  }
  failOn(violations);
}

/** A new password in ASCII, by a recipe that was checked. */
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

/** Of each alphabet, its different characters without the excluded ones. */
function charactersOf({ alphabets, excluded }: PasswordRecipe): number[][] {
  return alphabets.map(({ characters }) => {
    const text = typeof characters === "string" ? classes[characters] : characters.explicit;
    return together([[...text].filter((character) => !excluded.includes(character)).map((one) => one.charCodeAt(0))]);
  });
}

function together(sets: readonly (readonly number[])[]): number[] {
  return [...new Set(sets.flat())];
}
