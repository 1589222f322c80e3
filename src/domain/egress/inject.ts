// The slots of a scheme: each finds the placeholder in a header and replaces it by the value.
import { assertNever } from "../error/errors.ts";
import type { AuthScheme } from "./egress-rule.ts";

/** One header, and the part of it that is the credential. */
export interface Slot {
  /** In lower case. */
  header: string;
  /** Returns the text at the place of the credential; undefined when the header has another form. */
  find(headerValue: string): string | undefined;
  /** Whether the value can be written there. */
  fits(value: string): boolean;
  /** Returns the header with the value. `headerValue`: the header of the client. */
  write(value: string, headerValue: string): string;
}

export function slotsOf(scheme: AuthScheme): readonly Slot[] {
  switch (scheme.type) {
    case "bearer":
      return [bearerSlot];
    case "basic":
      return [basicSlot(scheme.username)];
    case "api-key":
      return [surroundedSlot(scheme.header, scheme.prefix ?? "", "")];
    case "custom":
      return Object.entries(scheme.headers).map(([header, template]) => {
        const [before = "", after = ""] = template.split(/\{\{ ?value ?\}\}/);
        return surroundedSlot(header, before, after);
      });
    default:
      return assertNever(scheme);
  }
}

/** GitHub's own clients, `gh` and Octokit, send `token` instead. The proxy sends the form of the rule. */
const bearerSlot: Slot = {
  header: "authorization",
  find: (headerValue) => /^(?:bearer|token) +(\S+) *$/i.exec(headerValue)?.[1],
  fits: fitsHeader,
  write: (value) => `Bearer ${value}`,
};

/** Passwords that mean none. GitHub's documents write the second one beside a token. */
const noPasswords: ReadonlySet<string> = new Set(["", "x-oauth-basic"]);

/** Clients put the placeholder into the password. Some git helpers put it into the user. */
function basicSlot(username: string | undefined): Slot {
  return {
    header: "authorization",
    find(headerValue) {
      const [user = "", password = ""] = credentialsIn(headerValue) ?? [];
      return noPasswords.has(password) && user !== "" ? user : password || undefined;
    },
    fits: fitsBasic,
    write(value, headerValue) {
      const [user = "", password = ""] = credentialsIn(headerValue) ?? [];
      const own = noPasswords.has(password) ? "" : user;
      return `Basic ${Buffer.from(`${username ?? (own || "x")}:${value}`, "utf8").toString("base64")}`;
    },
  };
}

/** RFC 7617: only the password may contain colons. */
function credentialsIn(headerValue: string): [user: string, password: string] | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(headerValue)?.[1];
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  return colon < 0 ? [decoded, ""] : [decoded.slice(0, colon), decoded.slice(colon + 1)];
}

function surroundedSlot(header: string, before: string, after: string): Slot {
  return {
    header: header.toLowerCase(),
    find(headerValue) {
      const text = headerValue.trim();
      if (text.length < before.length + after.length) return undefined;
      if (!text.startsWith(before) || !text.endsWith(after)) return undefined;
      return text.slice(before.length, text.length - after.length);
    },
    fits: fitsHeader,
    // A function, because a replacement text would interpret `$` in the value.
    write: (value) => before + value + after,
  };
}

/** Removes a line break at the end of the value. Editors and `echo` write it, and a header cannot carry it. */
export function sentValue(value: string): string {
  return value.replace(/\r?\n$/, "");
}

/** Whether a value may be a password of Basic, which encodes it: text without control characters (RFC 7617, 2). */
function fitsBasic(value: string): boolean {
  return value !== "" && !/[\p{Cc}\p{Cs}]/u.test(value);
}

/** Whether a header can carry the value unchanged (RFC 9110, 5.5). */
export function fitsHeader(value: string): boolean {
  return /^[!-~](?:[ -~]*[!-~])?$/.test(value);
}
