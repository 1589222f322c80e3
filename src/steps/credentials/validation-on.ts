// Checks whether this deployment tries credentials.
import { CofferError } from "../../domain/error/errors.ts";

export function checkValidationOn({ isOn }: { isOn: boolean }): void {
  if (!isOn) throw new CofferError("VALIDATION_OFF", "credentials are not tried here: validation is switched off");
}
