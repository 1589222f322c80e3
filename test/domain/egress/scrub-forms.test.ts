// An echo of a user and password, in any encoding, reveals nothing of the password.
import { expect, it } from "vitest";
import { scrubForms } from "../../../src/domain/egress/scrub-forms.ts";
import { scrubText } from "../../../src/domain/egress/scrubber.ts";

const value = "ghp_RealTokenOfSomeone0123456789abcd";
const placeholder = "ghp_8cVfJJsLNuyUIHpSv6Z8HNMGXKbVnSjJI52p";
const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
const base64 = (text: string) => Buffer.from(text).toString("base64");

/** Reads an answer like an attacker: decodes from each offset, repeatedly. */
function readings(text: string, depth = 2): string[] {
  if (depth === 0) return [text];
  const places = [0, 1, 2, 3].map((from) => Buffer.from(text.slice(from), "base64").toString("latin1"));
  const tokens = (text.match(/[\w+/-]{16,}/g) ?? []).flatMap((token) => [0, 1, 2, 3].map((from) => token.slice(from)));
  const decoded = tokens.map((token) => Buffer.from(token, "base64").toString("latin1"));
  return [text, ...[...places, ...decoded].flatMap((each) => readings(each, depth - 1))];
}

const tellsValue = (text: string) =>
  readings(text).some((reading) => [0, 9, 18, 27].some((from) => reading.includes(value.slice(from, from + 9))));

it.each([
  ["as it is", (header: string) => header],
  ["in base64", base64],
  ["in base64, behind something", (header: string) => base64(`a${header}`)],
  ["in base64, behind something longer", (header: string) => base64(`ab${header}`)],
  ["in base64url", (header: string) => Buffer.from(header).toString("base64url")],
  ["in a URL", encodeURIComponent],
  ["in JSON with escapes", (header: string) => header.replaceAll("=", "\\u003d")],
])("%s", (_, echo) => {
  for (const user of ["x", "me", "you", "x-access-token"]) {
    const [sent, given] = [basic(user, value), basic(user, placeholder)];
    const echoed = echo(sent);
    expect(tellsValue(echoed)).toBe(true);
    expect(tellsValue(scrubText(echoed, scrubForms(value, placeholder, [{ sent, given }])))).toBe(false);
  }
});
