// Values that coffer parses itself are those that the driver would return.
import pg from "pg";
import { describe, expect, it } from "vitest";
import { parseJson, parseTime } from "../../src/store/connection/parsers.ts";

describe("times", () => {
  const driver = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ);

  it("are the driver's, for every millisecond and for fractions of one", () => {
    for (let ms = 0; ms < 1000; ms++) {
      for (const rest of ["", "001", "5", "999"]) {
        const text = `2026-11-28 10:02:28.${String(ms).padStart(3, "0")}${rest}+00`;
        expect(parseTime(text)).toEqual(driver(text));
      }
    }
  });

  it.each([
    ...[
      "2026-11-28 10:02:28+00",
      "2026-11-28 10:02:28.1+00",
      "2026-11-28 10:02:28.12+00",
      "2024-02-29 23:59:59.999999+00",
    ],
    ...["1000-01-01 00:00:00+00", "0999-12-31 23:59:59+00", "0099-03-01 00:00:00+00", "9999-12-31 23:59:59.999999+00"],
    ...[
      "10000-01-01 00:00:00+00",
      "294276-12-31 23:59:59+00",
      "0001-01-01 00:00:00+00 BC",
      "4713-01-01 00:00:00+00 BC",
    ],
    ...["2026-11-28 10:02:28+02", "2026-11-28 10:02:28.5-03:30", "infinity", "-infinity"],
  ])("are the driver's: %s", (text) => {
    expect(parseTime(text)).toEqual(driver(text));
  });
});

it("an empty object of JSON is a new one each time", () => {
  expect(parseJson("{}")).toEqual({});
  expect(parseJson("{}")).not.toBe(parseJson("{}"));
  expect(parseJson('{"a": [1, null]}')).toEqual({ a: [1, null] });
});
