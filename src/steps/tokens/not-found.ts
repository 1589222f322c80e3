// Tokens that are not there, and tokens of others: the same answer.
import { CofferError } from "../../domain/error/errors.ts";

export function tokenNotFound(): CofferError {
  return new CofferError("TOKEN_NOT_FOUND", "there is no such token");
}
