// Converts password recipes of coffer.v1 to those of the domain.
import {
  CharacterClass as ClassMessage,
  type PasswordAlphabet,
  type PasswordRecipe as RecipeMessage,
} from "../../../gen/coffer/v1/secret_pb.ts";
import { invalidField } from "../../domain/error/errors.ts";
import type { Alphabet, CharacterClass, PasswordRecipe } from "../../domain/secret/password.ts";

const classes: Record<ClassMessage, CharacterClass | undefined> = {
  [ClassMessage.UNSPECIFIED]: undefined,
  [ClassMessage.LOWER]: "LOWER",
  [ClassMessage.UPPER]: "UPPER",
  [ClassMessage.DIGITS]: "DIGITS",
  [ClassMessage.SYMBOLS]: "SYMBOLS",
};

export function toPasswordRecipe({ length, alphabets, excludedCharacters }: RecipeMessage): PasswordRecipe {
  return { length, alphabets: alphabets.map(toAlphabet), excluded: excludedCharacters };
}

/** The schema requires a class or characters. */
function toAlphabet({ characters, minimum }: PasswordAlphabet, index: number): Alphabet {
  if (characters.case === "explicitCharacters") return { characters: { explicit: characters.value }, minimum };
  const named = characters.case && classes[characters.value];
  if (!named) throw invalidField(`generate.password.alphabets[${index}].characters`, "must be a class or characters");
  return { characters: named, minimum };
}
