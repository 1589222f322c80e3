// The error for a token that does not exist or belongs to somebody else.
import { CofferError } from "../../domain/error/errors.ts";

export function tokenNotFound(): CofferError {
  return new CofferError("TOKEN_NOT_FOUND", "there is no such token");
}
