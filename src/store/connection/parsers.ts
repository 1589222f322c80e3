// Parses values in the formats that every session pins. Other forms, such as `infinity`, go to the driver's own parsers.
import pg from "pg";

const { INT8, TIMESTAMPTZ, JSON: JSON_TYPE, JSONB } = pg.types.builtins;

export const parsers = new pg.TypeOverrides();
// bigint columns count things; they never pass 2^53.
parsers.setTypeParser(INT8, Number);
parsers.setTypeParser(TIMESTAMPTZ, parseTime);
parsers.setTypeParser(JSON_TYPE, parseJson);
parsers.setTypeParser(JSONB, parseJson);

/** Returns what the driver's parser returns; test/store/parsers.test.ts holds the two equal. The driver's takes ten times as long. */
export function parseTime(text: string): unknown {
  if (!isPlainTime(text)) return parseAnyTime(text);
  const ms = text.length === shortLength ? 0 : millisecondsAt(text, 20, text.length - 3);
  return new Date(
    Date.UTC(
      100 * digitsAt(text, 0) + digitsAt(text, 2),
      digitsAt(text, 5) - 1,
      digitsAt(text, 8),
      digitsAt(text, 11),
      digitsAt(text, 14),
      digitsAt(text, 17),
      ms,
    ),
  );
}

const parseAnyTime = pg.types.getTypeParser(TIMESTAMPTZ);

const shortLength = "2026-11-28 10:02:28+00".length;

/** Years before 1000 are rare and have their own rules in JavaScript. */
function isPlainTime(text: string): boolean {
  return text.charCodeAt(4) === minus && text.charCodeAt(0) !== zero && text.endsWith("+00");
}

const minus = 45;
const zero = 48;

function digitsAt(text: string, at: number): number {
  return 10 * (text.charCodeAt(at) - zero) + text.charCodeAt(at + 1) - zero;
}

/** Drops the microseconds. */
function millisecondsAt(text: string, from: number, end: number): number {
  let ms = 0;
  let unit = 100;
  for (let at = from; at < end && unit >= 1; at++) {
    ms += unit * (text.charCodeAt(at) - zero);
    unit /= 10;
  }
  return ms;
}

export function parseJson(text: string): unknown {
  return text === "{}" ? {} : JSON.parse(text);
}
