// The credential slot of a scheme: finds the placeholder there, and writes the value in its place. A slot is always replaced as a whole.
import { assertNever } from "../error/errors.ts";
import type { AuthScheme } from "./egress-rule.ts";

/** One header with its credential slot. */
export interface Slot {
  /** In lower case. */
  header: string;
  /** Returns the text in the slot; undefined when the header has another form. */
  find(headerValue: string): string | undefined;
  /** Whether the value can be written there. */
  fits(value: string): boolean;
  /** Returns the header with the value in the slot. `headerValue` is the client's header. */
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

/** GitHub's clients `gh` and Octokit send `token` instead of `Bearer`. The proxy writes `Bearer`. */
const bearerSlot: Slot = {
  header: "authorization",
  find: (headerValue) => /^(?:bearer|token) +(\S+) *$/i.exec(headerValue)?.[1],
  fits: fitsHeader,
  write: (value) => `Bearer ${value}`,
};

/** Passwords that mean "none". The second is the one that GitHub's documents write beside a token. */
const noPasswords: ReadonlySet<string> = new Set(["", "x-oauth-basic"]);

/** The placeholder may be in the password or, with some git helpers, in the user name. */
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

/** RFC 7617: the user name has no colon; the password may. */
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
    // A replacement function, because `$` in a replacement text has a meaning.
    write: (value) => before + value + after,
  };
}

/** Returns the value without a trailing line break: editors and `echo` add one, and headers cannot carry it. */
export function sentValue(value: string): string {
  return value.replace(/\r?\n$/, "");
}

/** Whether a value may be a Basic password: text without control characters (RFC 7617, 2). */
function fitsBasic(value: string): boolean {
  return value !== "" && !/[\p{Cc}\p{Cs}]/u.test(value);
}

/** Whether a header can carry the value unchanged (RFC 9110, 5.5). */
export function fitsHeader(value: string): boolean {
  return /^[!-~](?:[ -~]*[!-~])?$/.test(value);
}
