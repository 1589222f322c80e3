// Checks whether this deployment tries credentials.
import { CofferError } from "../../domain/error/errors.ts";

export function checkValidationOn({ isOn }: { isOn: boolean }): void {
  if (!isOn)
    throw new CofferError(
      "VALIDATION_OFF",
      "credentials cannot be tried: this server has validation off (COFFER_VALIDATION)",
    );
}
