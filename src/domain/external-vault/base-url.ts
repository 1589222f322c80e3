// The base URL of a self-hosted vault.
import { invalidField } from "../error/errors.ts";

const charactersMax = 1_000;

/** Returns the URL without trailing slashes. Empty stays empty: the vendor's service. Each call checks separately which addresses are allowed. */
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
