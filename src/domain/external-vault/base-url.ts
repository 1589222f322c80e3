// Where a vault is that people run themselves.
import { invalidField } from "../error/errors.ts";

const charactersMax = 1_000;

/** Without slashes at its end; empty stays empty: the vendor's own. Which addresses may be called is judged with each call. */
export function checkBaseUrl(given: string, isHttpAllowed: boolean, field: string): string {
  if (given === "") return "";
  const url = given.length <= charactersMax && !/[^!-~]|[?#]/.test(given) ? URL.parse(given) : null;
  const isSecure = url?.protocol === "https:" || (isHttpAllowed && url?.protocol === "http:");
  if (!url || !isSecure || url.username !== "" || url.password !== "") {
    throw invalidField(
      field,
      `must be an https URL of at most ${charactersMax} characters, without a user and a query`,
    );
  }
  return url.href.replace(/\/+$/, "");
}
